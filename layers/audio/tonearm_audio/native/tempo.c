/* Beats: a layer of the network that hears them, and the series of them that is likeliest. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { CHANNELS = 16 };

/* A convolution over time, then what is above zero of it, and to that what came in, where it is residual.
 *
 * in: [frames + (taps - 1) * dilation][width]. out: [frames][16]. weights: [taps][width][16]. bias: [16].
 */
void tonearm_convolve(const float *in, float *out, ptrdiff_t frames, ptrdiff_t width, ptrdiff_t taps,
                      ptrdiff_t dilation, const float *weights, const float *bias, int residual)
{
    const float *middle = in + taps / 2 * dilation * width;
    for (ptrdiff_t frame = 0; frame < frames; frame++) {
        float sums[CHANNELS];
        memcpy(sums, bias, sizeof sums);
        for (ptrdiff_t tap = 0; tap < taps; tap++) {
            const float *heard = in + (frame + tap * dilation) * width;
            const float *row = weights + tap * width * CHANNELS;
            for (ptrdiff_t band = 0; band < width; band++, row += CHANNELS) {
                for (int channel = 0; channel < CHANNELS; channel++) {
                    sums[channel] += heard[band] * row[channel];
                }
            }
        }
        for (int channel = 0; channel < CHANNELS; channel++) {
            const float above = sums[channel] > 0 ? sums[channel] : 0;
            out[frame * CHANNELS + channel] = residual ? middle[frame * width + channel] + above : above;
        }
    }
}

/* Which period led to a beat that a given one leaves: that one, a neighbour's, or the one that gained most till there. */
enum { SAME, SHORTER, LONGER, LEADER, MOST_PERIODS = 256 };

/* Find the likeliest series of beats: Viterbi over the place of a beat and its distance from the one before.
 *
 * gains: what a beat at each place is worth. Periods are shortest, shortest + 1, ... in places, 256 of them at most;
 * costs: from each period to the one before it. step_cost: from any to any. recent: [shortest + periods - 1][periods],
 * room for scores. ways: [places][(periods + 3) / 4], room for how each period was come by, two bits each. leaders:
 * [places], room for the best periods. beats: filled, [places / shortest + 1], last to first. count: filled, how many.
 */
void tonearm_track_beats(const double *gains, ptrdiff_t places, ptrdiff_t shortest, ptrdiff_t periods,
                         const double *costs, double step_cost, double *recent, uint8_t *ways, uint8_t *leaders,
                         int64_t *beats, int64_t *count)
{
    const ptrdiff_t longest = shortest + periods - 1, row = (periods + 3) / 4;
    uint8_t way[MOST_PERIODS];
    double top = 0;
    ptrdiff_t last = -1, period = 0;
    for (ptrdiff_t place = 0; place < places; place++) {
        /* A row takes the place of the one that lies a longest period back, once that has been read. */
        const ptrdiff_t slot = place % longest;
        double *scores = recent + slot * periods;
        ptrdiff_t leader = 0;
        memset(way, SAME, sizeof way);
        for (ptrdiff_t number = periods - 1; number >= 0; number--) {
            const ptrdiff_t ago = shortest + number, then = slot < ago ? slot - ago + longest : slot - ago;
            scores[number] = gains[place] + (place < ago ? 0 : recent[then * periods + number]);
        }
        for (ptrdiff_t number = 0; number < periods; number++) {
            if (scores[number] > scores[leader]) {
                leader = number;
            }
            if (place + shortest + number >= places && (last < 0 || scores[number] > top)) {
                top = scores[number];
                last = place;
                period = number;
            }
        }
        const double most = scores[leader];
        for (ptrdiff_t number = 1; number < periods; number++) {
            if (scores[number - 1] - costs[number] > scores[number]) {
                scores[number] = scores[number - 1] - costs[number];
                way[number] = SHORTER;
            }
        }
        for (ptrdiff_t number = periods - 1; number > 0; number--) {
            if (scores[number] - costs[number] > scores[number - 1]) {
                scores[number - 1] = scores[number] - costs[number];
                way[number - 1] = LONGER;
            }
        }
        for (ptrdiff_t number = 0; number < periods; number++) {
            if (most - step_cost > scores[number]) {
                scores[number] = most - step_cost;
                way[number] = LEADER;
            }
        }
        leaders[place] = (uint8_t)leader;
        for (ptrdiff_t four = 0; four < row; four++) {
            const uint8_t *of = way + 4 * four;
            ways[place * row + four] = (uint8_t)(of[0] | of[1] << 2 | of[2] << 4 | of[3] << 6);
        }
    }
    *count = 0;
    while (last >= 0) {
        beats[(*count)++] = last;
        last -= shortest + period;
        int how = SAME;
        do {
            if (last < 0) {
                break;
            }
            how = ways[last * row + period / 4] >> period % 4 * 2 & 3;
            period = how == LEADER ? leaders[last] : how == SHORTER ? period - 1 : how == LONGER ? period + 1 : period;
        } while (how == SHORTER || how == LONGER);
    }
}
