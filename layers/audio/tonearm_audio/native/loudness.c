/* Loudness: K-weighting in double precision, and the highest peak between samples. */
#include <stddef.h>

#define TAPS 16
#define PHASES 3
#define STRETCH 64
#define LANES 8

/* What a filter still rings with 600 dB below full scale is nothing. Left alone it would fade, through silence, into
 * numbers so small that a processor takes a hundred times as long over each. */
static inline void forget(double *state)
{
    for (int index = 0; index < 4; index++)
        if (__builtin_fabs(state[index]) < 1e-30)
            state[index] = 0.0;
}

/* One sample through two second-order sections in transposed direct form II. */
static inline double weighted(double in, const double *sections, double *state)
{
    if (in == 0.0)
        forget(state);
    const double shelved = sections[0] * in + state[0];
    state[0] = sections[1] * in - sections[3] * shelved + state[1];
    state[1] = sections[2] * in - sections[4] * shelved;
    const double out = sections[5] * shelved + state[2];
    state[2] = sections[6] * shelved - sections[8] * out + state[3];
    state[3] = sections[7] * shelved - sections[9] * out;
    return out;
}

/* Filter interleaved frames into one line for each channel: out holds channels lines of `frames` values.
 *
 * sections: two rows of b0 b1 b2 a1 a2 (a0 is 1). state: channels rows of 4 values, zero at first.
 */
void tonearm_k_weight(const float *in, double *out, ptrdiff_t frames, ptrdiff_t channels, const double *sections,
                      double *state)
{
    for (ptrdiff_t frame = 0; frame < frames; frame++)
        for (ptrdiff_t channel = 0; channel < channels; channel++)
            out[channel * frames + frame] = weighted(in[frame * channels + channel], sections, state + 4 * channel);
}

/* Add up the filtered frames' energy, all channels together, a sum for every `hop` frames; `filled` of them are in the
 * first sum already. sums: (filled + frames) / hop + 1 values; the last is that of a hop that has only begun.
 */
void tonearm_k_energy(const float *in, ptrdiff_t frames, ptrdiff_t channels, const double *sections, double *state,
                      ptrdiff_t hop, ptrdiff_t filled, double *sums)
{
    ptrdiff_t sum = 0;
    for (ptrdiff_t frame = 0; frame < frames;) {
        ptrdiff_t end = frame + hop - filled;
        if (end > frames)
            end = frames;
        double energy = sums[sum];
        filled += end - frame;
        if (channels == 2) {
            double left[4], right[4];
            for (int index = 0; index < 4; index++) {
                left[index] = state[index];
                right[index] = state[4 + index];
            }
            for (; frame < end; frame++) {
                const double one = weighted(in[2 * frame], sections, left);
                const double other = weighted(in[2 * frame + 1], sections, right);
                energy += one * one + other * other;
            }
            for (int index = 0; index < 4; index++) {
                state[index] = left[index];
                state[4 + index] = right[index];
            }
        } else {
            for (; frame < end; frame++)
                for (ptrdiff_t channel = 0; channel < channels; channel++) {
                    const double out = weighted(in[frame * channels + channel], sections, state + 4 * channel);
                    energy += out * out;
                }
        }
        sums[sum] = energy;
        if (filled == hop) {
            filled = 0;
            sums[++sum] = 0.0;
        }
    }
}

/* The highest magnitude at a quarter, a half and three quarters after each of `count` samples of one line, of which
 * TAPS - 1 more follow. */
static float between(const float *line, ptrdiff_t count, const float *taps, float highest)
{
    for (int phase = 0; phase < PHASES; phase++) {
        const float *phased = taps + TAPS * phase;
        ptrdiff_t start = 0;
        for (; start + LANES <= count; start += LANES) {
            float sums[LANES] = {0};
            for (int tap = 0; tap < TAPS; tap++)
                for (int lane = 0; lane < LANES; lane++)
                    sums[lane] += phased[tap] * line[start + tap + lane];
            for (int lane = 0; lane < LANES; lane++) {
                const float size = __builtin_fabsf(sums[lane]);
                highest = size > highest ? size : highest;
            }
        }
        for (; start < count; start++) {
            float sum = 0.0f;
            for (int tap = 0; tap < TAPS; tap++)
                sum += phased[tap] * line[start + tap];
            const float size = __builtin_fabsf(sum);
            highest = size > highest ? size : highest;
        }
    }
    return highest;
}

/* The highest sample and the highest peak between samples of interleaved frames.
 *
 * in: frames + TAPS - 1 frames; the last TAPS - 1 only lead out of the others. taps: PHASES rows of TAPS.
 * gain: sum of the greatest row's magnitudes. No peak between samples exceeds the samples around it by more, so
 * stretches that cannot reach the highest so far are passed over: the result is that of all.
 * peaks: the highest sample and the highest peak between samples so far, both updated.
 */
void tonearm_true_peak(const float *in, ptrdiff_t frames, ptrdiff_t channels, const float *taps, float gain,
                       float *peaks)
{
    float line[STRETCH + TAPS - 1] = {0};
    for (ptrdiff_t start = 0; start < frames; start += STRETCH) {
        const ptrdiff_t count = frames - start < STRETCH ? frames - start : STRETCH;
        for (ptrdiff_t channel = 0; channel < channels; channel++) {
            const float *from = in + start * channels + channel;
            for (ptrdiff_t frame = 0; frame < count + TAPS - 1; frame++)
                line[frame] = from[frame * channels];
            float highest = 0.0f;
            for (ptrdiff_t frame = 0; frame < count + TAPS - 1; frame++) {
                const float size = __builtin_fabsf(line[frame]);
                highest = size > highest ? size : highest;
            }
            peaks[0] = highest > peaks[0] ? highest : peaks[0];
            if (highest * gain > (peaks[1] > peaks[0] ? peaks[1] : peaks[0]))
                peaks[1] = between(line, count, taps, peaks[1]);
        }
    }
}
