/* The delay lines of `tonearm_audio/reverb.py`. */
#include <stddef.h>

enum { LINES = 16 };

typedef float Four __attribute__((vector_size(16)));
typedef int Mask __attribute__((vector_size(16)));

/* Far below any sound. Left to itself a tail ends in numbers too small for a processor to be quick about. */
static const float SILENCE = 1e-15f;

static inline Four audible(Four value)
{
    return (Four)((Mask)value & ((value > SILENCE) | (value < -SILENCE)));
}

static inline float heard(float value)
{
    return value > SILENCE || value < -SILENCE ? value : 0.0f;
}

/* Schroeder's all-pass in place: as loud at every frequency, and smeared over time.
 *
 * line: `length` samples, zero at first. position: where in it, 0 at first.
 */
void tonearm_reverb_diffuse(float *restrict signal, ptrdiff_t frames, float *restrict line, ptrdiff_t length,
                            ptrdiff_t *position, float gain)
{
    ptrdiff_t at = *position;
    while (frames > 0) {
        const ptrdiff_t chunk = frames < length - at ? frames : length - at;
        float *restrict held = line + at;
        for (ptrdiff_t frame = 0; frame < chunk; frame++) {
            const float passed = heard(held[frame] - gain * signal[frame]);
            held[frame] = heard(signal[frame] + gain * passed);
            signal[frame] = passed;
        }
        signal += chunk;
        frames -= chunk;
        at = (at + chunk) % length;
    }
    *position = at;
}

/* Rows and columns of four by four, exchanged. */
static inline void transpose(Four *v)
{
    const Four a = __builtin_shufflevector(v[0], v[1], 0, 4, 1, 5), b = __builtin_shufflevector(v[0], v[1], 2, 6, 3, 7);
    const Four c = __builtin_shufflevector(v[2], v[3], 0, 4, 1, 5), d = __builtin_shufflevector(v[2], v[3], 2, 6, 3, 7);
    v[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    v[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    v[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    v[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

/* Sums and differences of four by four. */
static inline void butterflies(Four *v)
{
    const Four a = v[0] + v[1], b = v[0] - v[1], c = v[2] + v[3], d = v[2] - v[3];
    v[0] = a + c;
    v[1] = b + d;
    v[2] = a - c;
    v[3] = b - d;
}

/* A feedback delay network of 16 lines and a Hadamard matrix, from two signals to two, in place.
 *
 * lines: the lines, one after another, zero at first. lengths: of each, in samples. positions: where in each, 0 at
 * first. filters: 3 rows of 16, what a first-order section at each line's end takes of its input, of the input before
 * and of its output before; the first two a quarter of that, for the matrix. held: 16, zero at first. signs: 2 rows of
 * 16, what goes into each line of either signal.
 */
void tonearm_reverb_network(float *restrict left, float *restrict right, ptrdiff_t frames, float *restrict lines,
                            const ptrdiff_t *lengths, ptrdiff_t *restrict positions, const float *filters,
                            float *restrict held, const float *signs)
{
    Four now[4], before[4], back[4], state[4], to_left[4], to_right[4];
    for (int row = 0; row < 4; row++)
        for (int lane = 0; lane < 4; lane++) {
            const int line = 4 * row + lane;
            now[row][lane] = filters[line];
            before[row][lane] = filters[LINES + line];
            back[row][lane] = filters[2 * LINES + line];
            state[row][lane] = held[line];
            to_left[row][lane] = signs[line];
            to_right[row][lane] = signs[LINES + line];
        }
    while (frames > 0) {
        float *place[LINES], *start = lines;
        ptrdiff_t chunk = frames;
        for (int line = 0; line < LINES; line++) {
            place[line] = start + positions[line];
            chunk = chunk < lengths[line] - positions[line] ? chunk : lengths[line] - positions[line];
            start += lengths[line];
        }
        for (ptrdiff_t frame = 0; frame < chunk; frame++) {
            Four values[4];
            for (int row = 0; row < 4; row++) {
                float *const *at = place + 4 * row;
                const Four out = {at[0][frame], at[1][frame], at[2][frame], at[3][frame]};
                values[row] = audible(now[row] * out + state[row]);
                state[row] = before[row] * out + back[row] * values[row];
            }
            butterflies(values);
            transpose(values);
            butterflies(values);
            const float in_left = left[frame], in_right = right[frame];
            left[frame] = values[1][2];
            right[frame] = values[2][1];
            for (int row = 0; row < 4; row++) {
                const Four in = values[row] + (in_left * to_left[row] + in_right * to_right[row]);
                float *const *at = place + 4 * row;
                for (int lane = 0; lane < 4; lane++)
                    at[lane][frame] = in[lane];
            }
        }
        for (int line = 0; line < LINES; line++)
            positions[line] = (positions[line] + chunk) % lengths[line];
        left += chunk;
        right += chunk;
        frames -= chunk;
    }
    for (int line = 0; line < LINES; line++)
        held[line] = state[line / 4][line % 4];
}
