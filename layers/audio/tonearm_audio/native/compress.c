/* The compressor: level, what the curve takes away of it, how that moves in time, and its application. */
#include <math.h>
#include <stddef.h>

#include "maths.h"

enum { CHUNK = 256 };

/* Below any sound, and above nothing, whose logarithm there is not. */
static const float SILENCE = 1e-12f;
/* 6e-7 dB: what is left of a gain reduction when it has been let go. */
static const double NOTHING = 1e-7;

/* Compress interleaved frames. Amounts are in octaves of amplitude, 6.02 dB each.
 *
 * curve: threshold, knee, slope (1 - 1/ratio), make-up.
 * memory: how much of the distance to where it goes is left after a frame, when attacking and when letting go.
 * state: the peak that is let go of, and the gain reduction; zero at first.
 */
void tonearm_compress(const float *in, float *out, ptrdiff_t frames, ptrdiff_t channels, const double *curve,
                      const double *memory, double *state)
{
    const float knee = (float)curve[1], low = (float)(curve[0] - curve[1] / 2), slope = (float)curve[2];
    const float bend = knee > 0.0f ? 0.5f / knee : 0.0f, makeup = (float)curve[3];
    const double attack = memory[0], release = memory[1];
    /* No frame softer than this is anything to the curve. */
    const float soft = tonearm_exp2(low < -100.0f ? -100.0f : low) * 0.999f;
    const float idle = tonearm_exp2(makeup);
    double held = state[0], reduction = state[1];
    for (ptrdiff_t start = 0; start < frames; start += CHUNK) {
        const ptrdiff_t count = frames - start < CHUNK ? frames - start : CHUNK;
        const float *from = in + start * channels;
        float *to = out + start * channels, levels[CHUNK] = {0}, loudest = 0.0f;
        for (ptrdiff_t frame = 0; frame < count; frame++) {
            float level = fabsf(from[frame * channels]);
            for (ptrdiff_t channel = 1; channel < channels; channel++) {
                const float other = fabsf(from[frame * channels + channel]);
                level = other > level ? other : level;
            }
            levels[frame] = level;
            loudest = level > loudest ? level : loudest;
        }
        if (loudest < soft && held == 0.0 && reduction == 0.0) {
            for (ptrdiff_t index = 0; index < count * channels; index++) {
                to[index] = from[index] * idle;
            }
            continue;
        }
        for (ptrdiff_t frame = 0; frame < CHUNK; frame++) {
            const float above = tonearm_log2(levels[frame] > SILENCE ? levels[frame] : SILENCE) - low;
            const float within = above < 0.0f ? 0.0f : above > knee ? knee : above;
            const float beyond = above > knee ? above - knee : 0.0f;
            levels[frame] = slope * (within * within * bend + beyond);
        }
        for (ptrdiff_t frame = 0; frame < count; frame++) {
            const double wanted = levels[frame];
            held = wanted + (held - wanted) * release;
            held = held > wanted ? held : wanted;
            held = held < NOTHING ? 0.0 : held;
            reduction = held + (reduction - held) * attack;
            reduction = reduction < NOTHING ? 0.0 : reduction;
            levels[frame] = makeup - (float)reduction;
        }
        for (ptrdiff_t frame = 0; frame < CHUNK; frame++) {
            levels[frame] = tonearm_exp2(levels[frame] < -100.0f ? -100.0f : levels[frame]);
        }
        for (ptrdiff_t frame = 0; frame < count; frame++) {
            for (ptrdiff_t channel = 0; channel < channels; channel++) {
                to[frame * channels + channel] = from[frame * channels + channel] * levels[frame];
            }
        }
    }
    state[0] = held;
    state[1] = reduction;
}
