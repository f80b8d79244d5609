/* What lies between samples, and how far it can reach: for the meter of true peaks and for the limiter. */
#ifndef TONEARM_PEAKS_H
#define TONEARM_PEAKS_H

#include <stddef.h>

enum { PEAK_TAPS = 16, PEAK_PHASES = 3, PEAK_LANES = 8 };

static inline float greater(float one, float other) { return one > other ? one : other; }

/* The highest magnitude of PEAK_LANES values or more. */
static inline float highest(const float *values, ptrdiff_t count)
{
    float lanes[PEAK_LANES] = {0};
    for (ptrdiff_t start = 0; start < count; start += PEAK_LANES) {
        /* The last ones overlap those before, where they are fewer. */
        const float *from = values + (start + PEAK_LANES < count ? start : count - PEAK_LANES);
        for (int lane = 0; lane < PEAK_LANES; lane++)
            lanes[lane] = greater(__builtin_fabsf(from[lane]), lanes[lane]);
    }
    for (int half = PEAK_LANES / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++)
            lanes[lane] = greater(lanes[lane + half], lanes[lane]);
    return lanes[0];
}

/* Whether anything between PEAK_LANES values and their neighbours can be beyond a height.
 *
 * values: PEAK_LANES + (PEAK_TAPS - 1) * channels. reach: by how much at most what lies between exceeds the two samples
 * around it, and by how much the others: the magnitudes of the taps, added up.
 */
static inline int can_exceed(const float *values, ptrdiff_t channels, const float *reach, float height)
{
    const float all = highest(values, PEAK_LANES + (PEAK_TAPS - 1) * channels);
    if ((reach[0] + reach[1]) * all <= height)
        return 0;
    const float near = highest(values + (PEAK_TAPS / 2 - 1) * channels, PEAK_LANES + channels);
    return reach[0] * near + reach[1] * all > height;
}

/* The highest magnitudes at a quarter, a half and three quarters after the sample in the middle of the taps, for
 * PEAK_LANES values, each of which belongs with those that lie `channels` apart from it.
 *
 * taps: PEAK_PHASES rows of PEAK_TAPS.
 */
static inline void between(const float *values, ptrdiff_t channels, const float *taps, float *most)
{
    for (int lane = 0; lane < PEAK_LANES; lane++)
        most[lane] = 0;
    for (int phase = 0; phase < PEAK_PHASES; phase++) {
        float sums[PEAK_LANES] = {0};
        for (int tap = 0; tap < PEAK_TAPS; tap++)
            for (int lane = 0; lane < PEAK_LANES; lane++)
                sums[lane] += taps[PEAK_TAPS * phase + tap] * values[tap * channels + lane];
        for (int lane = 0; lane < PEAK_LANES; lane++)
            most[lane] = greater(__builtin_fabsf(sums[lane]), most[lane]);
    }
}

#endif
