/* Beat tracking by dynamic programming. */
#include <stddef.h>
#include <stdint.h>

/* Find the best predecessor of every frame as a beat (Ellis 2007).
 *
 * strength: onset strength a frame. periods, log_periods: the local beat period in frames, and its logarithm.
 * logs: the logarithm of every whole number up to the longest distance. total, before: filled; before is -1 where a
 * series begins. tightness: what a squared logarithmic deviation from the period costs.
 */
void tonearm_track_beats(const double *strength, const double *periods, const double *log_periods, const double *logs,
                         double tightness, ptrdiff_t frames, double *total, int32_t *before)
{
    for (ptrdiff_t frame = 0; frame < frames; frame++) {
        const ptrdiff_t longest = (ptrdiff_t)(1.5 * periods[frame]);
        const ptrdiff_t shortest = (ptrdiff_t)(0.6 * periods[frame]) + 1;
        double best = 0;
        ptrdiff_t choice = -1;
        for (ptrdiff_t distance = shortest; distance <= longest && distance <= frame; distance++) {
            const double deviation = logs[distance] - log_periods[frame];
            const double candidate = total[frame - distance] - tightness * deviation * deviation;
            if (choice < 0 || candidate > best) {
                best = candidate;
                choice = frame - distance;
            }
        }
        total[frame] = strength[frame] + best;
        before[frame] = (int32_t)choice;
    }
}
