/* The look-ahead limiter: by how much each frame is too loud, the gain that follows from it, and its application.
 *
 * Amounts to be taken away are whole numbers of steps of 2^-20, so that running sums are exact: a gain does not depend on
 * what has been before its window, and is one where no peak is near.
 */
#include <stddef.h>
#include <stdint.h>

#include "peaks.h"

enum { BEFORE = PEAK_TAPS / 2, CHUNK = 64, MOST_CHANNELS = 2 };

static const double STEPS = 1 << 20;

/* Highest magnitude between each frame and the next, in any channel, for count frames from frame -1 on; 0 where it
 * cannot be beyond the trigger. */
static void gaps_of(const float *in, ptrdiff_t count, ptrdiff_t channels, const float *taps, const float *reach,
                    float trigger, float *gaps)
{
    float most[(CHUNK + PEAK_LANES) * MOST_CHANNELS] = {0};
    const ptrdiff_t values = count * channels;
    for (ptrdiff_t start = 0; start < values; start += PEAK_LANES)
        if (can_exceed(in + start, channels, reach, trigger))
            between(in + start, channels, taps, most + start);
    for (ptrdiff_t frame = 0; frame < count; frame++) {
        float peak = most[frame * channels];
        for (ptrdiff_t channel = 1; channel < channels; channel++)
            peak = greater(most[frame * channels + channel], peak);
        gaps[frame] = peak;
    }
}

/* By how many steps each frame must be turned down.
 *
 * in: frames + 2 * BEFORE + 8 frames, of which BEFORE lie before the first of interest; the last 8 may be anything.
 * taps: PEAK_PHASES rows of PEAK_TAPS weights that interpolate between two samples; NULL to look at the samples alone.
 * reach: by how much no interpolated value exceeds its samples, see `can_exceed`.
 * trigger, ceiling: what is beyond the one is turned down to the other.
 * Returns the largest number of steps.
 */
int32_t tonearm_limiter_excess(const float *in, ptrdiff_t frames, ptrdiff_t channels, const float *taps,
                               const float *reach, float trigger, float ceiling, int32_t *excess)
{
    const float most_reach = taps == NULL ? 1.0f : reach[0] + reach[1];
    int32_t most = 0;
    for (ptrdiff_t start = 0; start < frames; start += CHUNK) {
        const ptrdiff_t count = frames - start < CHUNK ? frames - start : CHUNK;
        const float *chunk = in + start * channels;
        if (highest(chunk, (count + 2 * BEFORE) * channels) * most_reach <= trigger) {
            for (ptrdiff_t frame = 0; frame < count; frame++) {
                excess[start + frame] = 0;
            }
            continue;
        }
        float gaps[CHUNK + 1] = {0};
        if (taps != NULL) {
            gaps_of(chunk, count + 1, channels, taps, reach, trigger, gaps);
        }
        for (ptrdiff_t frame = 0; frame < count; frame++) {
            /* A peak between two frames belongs to both. */
            float peak = greater(gaps[frame], gaps[frame + 1]);
            for (ptrdiff_t channel = 0; channel < channels; channel++) {
                peak = greater(__builtin_fabsf(chunk[(BEFORE + frame) * channels + channel]), peak);
            }
            int32_t steps = 0;
            if (peak > trigger) {
                steps = (int32_t)((1.0 - (double)ceiling / peak) * STEPS) + 1;
                most = steps > most ? steps : most;
            }
            excess[start + frame] = steps;
        }
    }
    return most;
}

/* What the gains remember from one call to the next. */
enum { POSITION, HEAD, COUNT, FIRST_AT, FIRST_SUM, SECOND_AT, SECOND_SUM, QUIET, RINGS };

/* Windows of `hold` frames to both sides, and of the two averages, which together reach as far. */
static ptrdiff_t width_of(ptrdiff_t hold) { return 2 * hold + 1; }
static ptrdiff_t first_of(ptrdiff_t hold) { return 2 * ((hold + 1) / 2) + 1; }
static ptrdiff_t second_of(ptrdiff_t hold) { return 2 * (hold - (hold + 1) / 2) + 1; }

/* How many whole numbers the gains remember. */
ptrdiff_t tonearm_limiter_size(ptrdiff_t hold)
{
    return RINGS + 2 * width_of(hold) + first_of(hold) + second_of(hold);
}

/* The gains of frames `2 * hold` before those whose excess is given.
 *
 * The largest excess within `hold` frames, let go of slowly, is averaged twice over windows that together reach as far:
 * at each frame the average holds nothing smaller than that frame's own excess.
 *
 * release: per frame, how much of the distance to where it goes is left: of the fast part; of the slow part when it
 * rises; when it falls. All 0: it follows at once.
 * state: tonearm_limiter_size(hold) whole numbers, zero at first.
 * held: fast and slow part, zero at first.
 * Returns 2 where a gain is not one, 1 where all are but something still moves, 0 at rest.
 */
int tonearm_limiter_gains(const int32_t *excess, ptrdiff_t frames, ptrdiff_t hold, const double *release,
                                int64_t *state, double *held, float *gains)
{
    const ptrdiff_t width = width_of(hold), first = first_of(hold), second = second_of(hold);
    int64_t *values = state + RINGS, *places = values + width, *first_ring = places + width;
    int64_t *second_ring = first_ring + first;
    const double scale = 1.0 / (STEPS * (double)first * (double)second);
    int64_t position = state[POSITION], head = state[HEAD], count = state[COUNT], quiet = state[QUIET];
    int64_t first_at = state[FIRST_AT], first_sum = state[FIRST_SUM];
    int64_t second_at = state[SECOND_AT], second_sum = state[SECOND_SUM];
    double fast = held[0], slow = held[1];
    int touched = 0;
    for (ptrdiff_t frame = 0; frame < frames; frame++, position++) {
        const int64_t amount = excess[frame];
        if (amount == 0 && count == 0 && quiet > first + second) {
            gains[frame] = 1.0f;
            continue;
        }
        /* Candidates for the largest of a window, from the oldest, which is the largest, to the newest. */
        int64_t tail = head + count;
        tail -= tail >= width ? width : 0;
        while (count > 0 && values[tail == 0 ? width - 1 : tail - 1] <= amount) {
            tail = tail == 0 ? width - 1 : tail - 1;
            count--;
        }
        if (count > 0 && places[head] < position - 2 * hold) {
            head = head + 1 == width ? 0 : head + 1;
            count--;
        }
        if (amount > 0) {
            values[tail] = amount;
            places[tail] = position;
            count++;
        }
        const double largest = count > 0 ? (double)values[head] : 0.0;
        slow = largest + (slow - largest) * release[slow > largest ? 2 : 1];
        slow = slow < 1.0 ? 0.0 : slow;
        fast = slow + (fast - slow) * release[0];
        fast = fast > largest ? fast : largest;
        fast = fast < 1.0 ? 0.0 : fast;
        const int64_t steps = (int64_t)fast;
        first_sum += steps - first_ring[first_at];
        first_ring[first_at] = steps;
        first_at = first_at + 1 == first ? 0 : first_at + 1;
        second_sum += first_sum - second_ring[second_at];
        second_ring[second_at] = first_sum;
        second_at = second_at + 1 == second ? 0 : second_at + 1;
        quiet = steps == 0 ? quiet + 1 : 0;
        gains[frame] = (float)(1.0 - (double)second_sum * scale);
        touched |= second_sum != 0;
    }
    state[POSITION] = position;
    state[HEAD] = head;
    state[COUNT] = count;
    state[QUIET] = quiet;
    state[FIRST_AT] = first_at;
    state[FIRST_SUM] = first_sum;
    state[SECOND_AT] = second_at;
    state[SECOND_SUM] = second_sum;
    held[0] = fast;
    held[1] = slow;
    return touched ? 2 : count > 0 || quiet <= first + second;
}

/* Multiply each frame by its gain. */
void tonearm_limiter_apply(const float *in, ptrdiff_t frames, ptrdiff_t channels, const float *gains, float *out)
{
    for (ptrdiff_t frame = 0; frame < frames; frame++) {
        for (ptrdiff_t channel = 0; channel < channels; channel++) {
            out[frame * channels + channel] = in[frame * channels + channel] * gains[frame];
        }
    }
}

/* Sum of squares, always added up in the same order. */
void tonearm_limiter_power(const float *in, ptrdiff_t values, double *power)
{
    double lanes[8] = {0}, sum = 0;
    ptrdiff_t index = 0;
    for (; index + 8 <= values; index += 8) {
        for (int lane = 0; lane < 8; lane++) {
            lanes[lane] += (double)in[index + lane] * in[index + lane];
        }
    }
    for (; index < values; index++) {
        sum += (double)in[index] * in[index];
    }
    for (int lane = 0; lane < 8; lane++) {
        sum += lanes[lane];
    }
    *power = sum;
}
