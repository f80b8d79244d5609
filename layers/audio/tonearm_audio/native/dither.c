/* Rounding to the integers of a sound file, with triangular dither.
 *
 * Two uniform numbers of one quantum's width are subtracted from each other and added before rounding, so that neither
 * the mean nor the power of the error follows the music (Lipshitz, Wannamaker and Vanderkooy, JAES 40(5), 1992). They
 * are made of the sample's place in the song alone (Steele, Lea and Flood's SplitMix, 2014): the same on every run,
 * however the song is cut. A sample that is on the grid already passes as it is.
 */
#include <stddef.h>
#include <stdint.h>

static uint64_t mixed(uint64_t place)
{
    uint64_t z = (place + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* in: `count` samples, interleaved, full scale at +-1. out: as many integers of 32 bits, of which the highest `bits`
 * hold the rounded sample. first: the place of the first one in the song. */
void tonearm_quantize(const float *in, int32_t *out, ptrdiff_t count, int32_t bits, uint64_t first)
{
    const double scale = (double)(INT64_C(1) << (bits - 1));
    const int64_t quantum = INT64_C(1) << (32 - bits);
    for (ptrdiff_t i = 0; i < count; i++) {
        const double scaled = (double)in[i] * scale;
        double rounded = __builtin_rint(scaled);
        if (rounded != scaled) {
            const uint64_t drawn = mixed(first + (uint64_t)i);
            const double noise = (double)(uint32_t)drawn - (double)(uint32_t)(drawn >> 32);
            rounded = __builtin_rint(scaled + noise * 0x1p-32);
        }
        rounded = rounded < -scale ? -scale : rounded;
        rounded = rounded > scale - 1 ? scale - 1 : rounded;
        out[i] = (int32_t)((int64_t)rounded * quantum);
    }
}
