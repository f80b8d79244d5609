/* Loudness: K-weighting in double precision, and the highest peak between samples. */
#include <stddef.h>

#include "peaks.h"

#define STRETCH 64
#define FAINTEST 1e-30

/* What a filter still rings with 600 dB below full scale is nothing. Left alone it would fade, through silence, into
 * numbers so small that a processor takes a hundred times as long over each. */
static inline void forget(double *state)
{
    for (int index = 0; index < 4; index++)
        if (__builtin_fabs(state[index]) < FAINTEST)
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

/* Two channels side by side, in one register. */
typedef double Pair __attribute__((vector_size(16)));

/* Add up the filtered frames' energy, all channels together, a sum for every `hop` frames; `filled` of them are in the
 * first sum already.
 *
 * Both sections are in direct form I, in which a sample waits for one multiplication and one subtraction of the sample
 * before it, and no more.
 * channels: 1 or 2; beside one there is silence. state: the last two values, of two channels each, of what goes in, of
 * what the first section makes of it, and of the second; zero at first. sums: (filled + frames) / hop + 1 values; the
 * last is that of a hop that has only begun.
 */
void tonearm_k_energy(const float *in, ptrdiff_t frames, ptrdiff_t channels, const double *sections, double *state,
                      ptrdiff_t hop, ptrdiff_t filled, double *sums)
{
    Pair in1, in2, shelved1, shelved2, out1, out2;
    Pair *const memory[] = {&in1, &in2, &shelved1, &shelved2, &out1, &out2};
    const int signals = sizeof memory / sizeof *memory;
    for (int signal = 0; signal < signals; signal++)
        *memory[signal] = (Pair){state[2 * signal], state[2 * signal + 1]};
    for (ptrdiff_t frame = 0; frame < frames;) {
        ptrdiff_t end = frame + hop - filled;
        if (end > frames)
            end = frames;
        filled += end - frame;
        double energy = *sums;
        for (; frame < end; frame++) {
            const Pair now = {in[frame * channels], channels == 2 ? in[2 * frame + 1] : 0.0f};
            const Pair shelved = sections[0] * now + sections[1] * in1 + sections[2] * in2 - sections[4] * shelved2
                                 - sections[3] * shelved1;
            const Pair out = sections[5] * shelved + sections[6] * shelved1 + sections[7] * shelved2
                             - sections[9] * out2 - sections[8] * out1;
            const Pair squares = out * out;
            energy += squares[0] + squares[1];
            in2 = in1, in1 = now, shelved2 = shelved1, shelved1 = shelved, out2 = out1, out1 = out;
        }
        *sums = energy;
        if (filled == hop) {
            filled = 0;
            *++sums = 0.0;
            /* Here, and not wherever a block ends: what is forgotten must not depend on that. */
            for (int signal = 2; signal < signals; signal++)
                for (int side = 0; side < 2; side++)
                    if (__builtin_fabs((*memory[signal])[side]) < FAINTEST)
                        (*memory[signal])[side] = 0.0;
        }
    }
    for (int signal = 0; signal < signals; signal++) {
        state[2 * signal] = (*memory[signal])[0];
        state[2 * signal + 1] = (*memory[signal])[1];
    }
}

/* The highest sample and the highest peak between samples of interleaved frames.
 *
 * in: frames + PEAK_TAPS - 1 frames, of which the last PEAK_TAPS - 1 only lead out of the others; at least PEAK_LANES of
 * the others. taps: PEAK_PHASES rows of PEAK_TAPS. reach: see `can_exceed`; what cannot be beyond the highest so far is
 * passed over: the result is that of all.
 * peaks: the highest sample and the highest peak between samples so far, both updated.
 */
void tonearm_true_peak(const float *in, ptrdiff_t frames, ptrdiff_t channels, const float *taps, const float *reach,
                       float *peaks)
{
    const ptrdiff_t values = frames * channels, lead = (PEAK_TAPS - 1) * channels;
    for (ptrdiff_t start = 0; start < values; start += STRETCH) {
        const ptrdiff_t end = start + STRETCH < values ? start + STRETCH : values;
        const float reached = highest(in + start, end - start + lead);
        peaks[0] = greater(reached, peaks[0]);
        if ((reach[0] + reach[1]) * reached > greater(peaks[1], peaks[0]))
            for (ptrdiff_t value = start; value < end; value += PEAK_LANES) {
                /* The last ones overlap those before, where they are fewer. */
                const float *from = in + (value + PEAK_LANES < values ? value : values - PEAK_LANES);
                if (can_exceed(from, channels, reach, greater(peaks[1], peaks[0]))) {
                    float most[PEAK_LANES];
                    between(from, channels, taps, most);
                    peaks[1] = greater(highest(most, PEAK_LANES), peaks[1]);
                }
            }
    }
}
