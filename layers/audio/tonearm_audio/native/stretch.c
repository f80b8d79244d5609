/* The inner loops of stretch.py: windows cut out of a song, spectra turned until they fit each other, windows added up. */
#include <stddef.h>

typedef struct {
    float re, im;
} number;

/* a times the conjugate of b: the turn from b to a, as long as both together. */
static inline number turn(number a, number b)
{
    return (number){a.re * b.re + a.im * b.im, a.im * b.re - a.re * b.im};
}

static inline number times(number a, number b)
{
    return (number){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static inline float power(number a)
{
    return a.re * a.re + a.im * a.im;
}

/* The turn between neighbours without the half turn between the lobes of a window's own spectrum: stretched as if it were
 * a sound's place in time, it would leave the skirts of a tone turned against the tone. */
static inline number lobeless(number one)
{
    return one.re < 0 && one.re * one.re > 0.5f * power(one) ? (number){-one.re, -one.im} : one;
}

static inline number between(number low, number high, float part)
{
    return (number){low.re + (high.re - low.re) * part, low.im + (high.im - low.im) * part};
}

/* Cut windows out of interleaved frames, each rotated so that its middle comes first: its phases are those at its middle.
 *
 * starts: the first frame of each of `count` windows of `size` frames. out: count rows of channels rows of size values.
 */
void tonearm_stretch_cut(const float *in, ptrdiff_t channels, const ptrdiff_t *starts, ptrdiff_t count,
                         const float *window, ptrdiff_t size, float *out)
{
    const ptrdiff_t half = size / 2;
    for (ptrdiff_t index = 0; index < count; index++) {
        for (ptrdiff_t channel = 0; channel < channels; channel++) {
            const float *from = in + starts[index] * channels + channel;
            float *to = out + (index * channels + channel) * size;
            for (ptrdiff_t frame = 0; frame < half; frame++)
                to[half + frame] = from[frame * channels] * window[frame];
            for (ptrdiff_t frame = half; frame < size; frame++)
                to[frame - half] = from[frame * channels] * window[frame];
        }
    }
}

/* Add such windows up, one every `hop` frames, into interleaved frames. */
void tonearm_stretch_add(const float *in, ptrdiff_t channels, ptrdiff_t count, const float *window, ptrdiff_t size,
                         ptrdiff_t hop, float *out)
{
    const ptrdiff_t half = size / 2;
    for (ptrdiff_t index = 0; index < count; index++) {
        for (ptrdiff_t channel = 0; channel < channels; channel++) {
            const float *from = in + (index * channels + channel) * size;
            float *to = out + index * hop * channels + channel;
            for (ptrdiff_t frame = 0; frame < half; frame++)
                to[frame * channels] += from[half + frame] * window[frame];
            for (ptrdiff_t frame = half; frame < size; frame++)
                to[frame * channels] += from[frame - half] * window[frame];
        }
    }
}

/* What turns this spectrum's bins so that the moment one hop earlier agrees with the spectrum made before. */
static void agree(const number *here, const number *earlier, const number *before, ptrdiff_t channels, ptrdiff_t bins,
                  number *agreed)
{
    for (ptrdiff_t bin = 0; bin < bins; bin++) {
        number sum = {0, 0};
        float now = 0, then = 0;
        for (ptrdiff_t channel = 0; channel < channels; channel++) {
            const ptrdiff_t at = channel * bins + bin;
            const number one = turn(before[at], earlier[at]);
            sum.re += one.re;
            sum.im += one.im;
            now += power(here[at]);
            then += power(earlier[at]);
        }
        const float scale = 1 / ((now > then ? now : then) + 1e-30f);
        agreed[bin] = (number){sum.re * scale, sum.im * scale};
    }
}

/* How much a bin's own agreement with what was made before weighs against its neighbours. Without it the pitch of a
 * vibrato wanders by 30 cents at twice the length; with much more, attacks blur. */
#define OWN 0.4f

/* How much neighbouring bins turn against each other: by `ratio` bins' difference, because what lies off the window's
 * middle has to lie `ratio` times as far from it afterwards. */
static void neighbours(const number *here, ptrdiff_t channels, ptrdiff_t bins, float ratio, number *below, number *above)
{
    const ptrdiff_t whole = (ptrdiff_t)ratio;
    const float part = ratio - (float)whole;
    for (ptrdiff_t bin = 0; bin < bins; bin++)
        below[bin] = above[bin] = (number){0, 0};
    for (ptrdiff_t channel = 0; channel < channels; channel++) {
        const number *row = here + channel * bins;
        for (ptrdiff_t bin = whole + 1; bin < bins; bin++) {
            const number one = lobeless(turn(row[bin - 1], between(row[bin - whole], row[bin - whole - 1], part)));
            below[bin].re += one.re;
            below[bin].im += one.im;
        }
        for (ptrdiff_t bin = 0; bin < bins - whole - 1; bin++) {
            const number one = lobeless(turn(row[bin + 1], between(row[bin + whole], row[bin + whole + 1], part)));
            above[bin].re += one.re;
            above[bin].im += one.im;
        }
    }
}

/* The gain that gives a band back what overlapping windows lose where they no longer agree. */
static float restoring(const number *here, const number *earlier, const number *before, const number *turned,
                       ptrdiff_t channels, ptrdiff_t bins, ptrdiff_t first, ptrdiff_t end)
{
    float shared = 0, left = 0, right = 0, now = 0;
    for (ptrdiff_t bin = first; bin < end; bin++) {
        /* Both channels first: swapped, they must give the same sums. */
        float sums[4] = {0, 0, 0, 0};
        for (ptrdiff_t channel = 0; channel < channels; channel++) {
            const ptrdiff_t at = channel * bins + bin;
            const number made = times(earlier[at], turned[bin]);
            sums[0] += before[at].re * made.re + before[at].im * made.im;
            sums[1] += power(before[at]);
            sums[2] += power(earlier[at]);
            sums[3] += power(here[at]);
        }
        shared += sums[0];
        left += sums[1];
        right += sums[2];
        now += sums[3];
    }
    left += 1e-20f;
    right += 1e-20f;
    now += 1e-20f;
    float likeness = shared / __builtin_sqrtf(left * right);
    likeness = likeness > 1 ? 1 : likeness;
    /* Where one is much softer than the other there is little to lose. The factor was found by
     * measuring: with it noise keeps its level to 0.35 dB from half to four times its length. */
    likeness = 1 - (1 - likeness) * 2.5f * __builtin_sqrtf(left * now) / (left + now);
    likeness = likeness < 0 ? 0 : likeness;
    /* Four Hann windows squared over each other, a third as alike two hops apart as their likeness squared. */
    return 1 / __builtin_sqrtf(0.5f + 0.44444f * likeness + 0.05556f * likeness * likeness);
}

/* Turn spectra one after another.
 *
 * spectra: count rows of two spectra (one hop earlier, here) of channels rows of bins. before: the last spectrum made,
 * replaced. ratios: for each row, how many times as far from its middle a moment has to lie. edges: bands + 1 bins.
 * weights: of each bin, for `powers`, each row's power. work: 4 rows of bins. made: count rows of channels rows of bins.
 */
void tonearm_stretch_turn(const float *spectra, float *before, const float *ratios, ptrdiff_t count, ptrdiff_t channels,
                          ptrdiff_t bins, const ptrdiff_t *edges, ptrdiff_t bands, const float *weights, double *powers,
                          float *work, float *made)
{
    const ptrdiff_t size = channels * bins;
    number *last = (number *)before, *agreed = (number *)work;
    number *below = agreed + bins, *above = below + bins, *turned = above + bins;
    for (ptrdiff_t index = 0; index < count; index++) {
        const number *earlier = (const number *)spectra + 2 * index * size, *here = earlier + size;
        number *out = (number *)made + index * size;
        agree(here, earlier, last, channels, bins, agreed);
        neighbours(here, channels, bins, ratios[index], below, above);
        number held = {1, 0};
        for (ptrdiff_t bin = 0; bin < bins; bin++) {
            const number up = bin + 1 < bins ? times(agreed[bin + 1], above[bin]) : (number){0, 0};
            const number down = times(held, below[bin]);
            float own = 0;
            for (ptrdiff_t channel = 0; channel < channels; channel++)
                own += power(here[channel * bins + bin]);
            own *= OWN;
            const number both = {up.re + down.re + own * agreed[bin].re, up.im + down.im + own * agreed[bin].im};
            const float length = power(both);
            if (length > 1e-36f) {
                const float scale = 1 / __builtin_sqrtf(length);
                held = (number){both.re * scale, both.im * scale};
            } else {
                held = (number){1, 0};
            }
            turned[bin] = held;
        }
        double sum = 0;
        for (ptrdiff_t band = 0; band < bands; band++) {
            const float gain = restoring(here, earlier, last, turned, channels, bins, edges[band], edges[band + 1]);
            for (ptrdiff_t bin = edges[band]; bin < edges[band + 1]; bin++) {
                float both = 0;
                for (ptrdiff_t channel = 0; channel < channels; channel++) {
                    const ptrdiff_t at = channel * bins + bin;
                    const number one = times(here[at], turned[bin]);
                    out[at] = (number){one.re * gain, one.im * gain};
                    both += power(one);
                }
                sum += weights[bin] * both;
            }
        }
        for (ptrdiff_t channel = 0; channel < channels; channel++)
            for (ptrdiff_t bin = 0; bin < bins; bin++)
                last[channel * bins + bin] = times(here[channel * bins + bin], turned[bin]);
        powers[index] = sum;
    }
}
