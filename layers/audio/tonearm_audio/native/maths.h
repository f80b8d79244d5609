/* Logarithm and power to the base 2, of our own: the C library's differ from machine to machine in the last bit. */
#ifndef TONEARM_MATHS_H
#define TONEARM_MATHS_H

#include <stdint.h>
#include <string.h>

/* log2 of a normal number above 0, within 4e-7.
 *
 * The number is 2^exponent times m, with m from 0.71 to 1.41, and log2 m = 2/ln 2 * artanh((m - 1)/(m + 1)).
 */
static inline float tonearm_log2(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const int32_t exponent = (bits - 0x3f3504f3) >> 23;
    bits -= exponent * (1 << 23);
    float m;
    memcpy(&m, &bits, sizeof m);
    const float s = (m - 1.0f) / (m + 1.0f), z = s * s;
    const float series = 2.885390082f + z * (0.961796694f + z * (0.577078016f + z * (0.412198583f + z * 0.3205988979f)));
    return (float)exponent + s * series;
}

/* 2^x for x from -126 to 127, within two parts in ten million; exactly 1 for 0. */
static inline float tonearm_exp2(float x)
{
    /* Adding and taking away 1.5 * 2^23 leaves the nearest whole number. */
    const float whole = (x + 12582912.0f) - 12582912.0f;
    const float f = x - whole;
    const float part =
        1.0f + f * (0.693147181f + f * (0.240226507f + f * (0.0555041087f + f * (0.00961812911f
        + f * (0.00133335581f + f * 0.000154035304f)))));
    const int32_t bits = ((int32_t)whole + 127) * (1 << 23);
    float power;
    memcpy(&power, &bits, sizeof power);
    return part * power;
}

#endif
