/* Cascades of second-order sections, in transposed direct form II and double precision. */
#include <stddef.h>

/* Filter interleaved frames in place or into another array.
 *
 * sections: count rows of b0 b1 b2 a1 a2 (a0 is 1). state: channels rows of 2 * count values, zero at first.
 */
void tonearm_biquads(const float *in, float *out, ptrdiff_t frames, ptrdiff_t channels, const double *sections,
                     ptrdiff_t count, double *state)
{
    for (ptrdiff_t frame = 0; frame < frames; frame++) {
        for (ptrdiff_t channel = 0; channel < channels; channel++) {
            double value = in[frame * channels + channel];
            for (ptrdiff_t index = 0; index < count; index++) {
                const double *section = sections + 5 * index;
                double *held = state + 2 * (channel * count + index);
                const double passed = section[0] * value + held[0];
                held[0] = section[1] * value - section[3] * passed + held[1];
                held[1] = section[2] * value - section[4] * passed;
                value = passed;
            }
            out[frame * channels + channel] = (float)value;
        }
    }
}
