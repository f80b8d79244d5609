/* Runs of consecutive frames whose samples all lie within bounds: silence, and what was cut off at full scale. */
#include <stddef.h>
#include <stdint.h>

static inline int within(const float *frame, ptrdiff_t channels, float low, float high)
{
    for (ptrdiff_t channel = 0; channel < channels; channel++)
        if (!(frame[channel] >= low && frame[channel] <= high))
            return 0;
    return 1;
}

/* Find the runs that end in these frames.
 *
 * A run that counts cannot lie before a frame that does not belong to it, so the frame is looked at first in which the
 * shortest run would end, and then those before it: most frames are never looked at (as Boyer and Moore search text).
 * low, high: the bounds, both included. least: frames of the shortest run that counts.
 * state: number of the next frame of the stream, and of the first frame of the run it may belong to (equal for none).
 * runs: room for frames / (least + 1) + 1 pairs of a run's first frame and the frame after its last.
 * Returns how many runs were found.
 */
int tonearm_runs(const float *in, ptrdiff_t frames, ptrdiff_t channels, float low, float high, int64_t least,
                 int64_t *state, int64_t *runs)
{
    const int64_t first = state[0], end = first + frames;
    /* All frames from `begin` up to but without `seen` belong together. */
    int64_t begin = state[1], seen = first;
    int found = 0;
    while (seen < end) {
        const int64_t reached = begin + least < end ? begin + least : end;
        int64_t frame = reached - 1;
        while (frame >= seen && within(in + (frame - first) * channels, channels, low, high))
            frame--;
        if (frame >= seen)
            begin = frame + 1;
        seen = seen > reached ? seen : reached;
        if (seen - begin < least)
            continue;
        while (seen < end && within(in + (seen - first) * channels, channels, low, high))
            seen++;
        if (seen == end)
            break;
        runs[2 * found] = begin;
        runs[2 * found + 1] = seen;
        found++;
        begin = ++seen;
    }
    state[0] = end;
    state[1] = begin;
    return found;
}
