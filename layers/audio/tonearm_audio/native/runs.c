/* Runs of consecutive frames whose samples all lie within bounds: silence, and what was cut off at full scale. */
#include <stddef.h>
#include <stdint.h>

/* Find the runs that end in these frames.
 *
 * low, high: the bounds, both included. least: frames of the shortest run that counts.
 * state: number of the next frame of the stream, and of the first frame of the run it may belong to (equal for none).
 * runs: room for frames / (least + 1) + 1 pairs of a run's first frame and the frame after its last.
 * Returns how many runs were found.
 */
int tonearm_runs(const float *in, ptrdiff_t frames, ptrdiff_t channels, float low, float high, int64_t least,
                 int64_t *state, int64_t *runs)
{
    int64_t now = state[0], begin = state[1];
    int found = 0;
    for (ptrdiff_t frame = 0; frame < frames; frame++, now++) {
        int within = 1;
        for (ptrdiff_t channel = 0; channel < channels; channel++) {
            const float sample = in[frame * channels + channel];
            within &= (sample >= low) & (sample <= high);
        }
        if (within)
            continue;
        if (now - begin >= least) {
            runs[2 * found] = begin;
            runs[2 * found + 1] = now;
            found++;
        }
        begin = now + 1;
    }
    state[0] = now;
    state[1] = begin;
    return found;
}
