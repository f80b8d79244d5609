/* A line convolved with two responses at once, by Fourier transforms in single precision.
 *
 * Real and imaginary parts lie apart, so that a step of the transform is the same for four neighbours. Forwards the
 * order is shuffled (decimation in frequency), backwards unshuffled again: a product of spectra needs no order.
 */
#include <stddef.h>
#include <string.h>

typedef float lanes __attribute__((vector_size(16)));

static inline lanes get(const float *from)
{
    lanes four;
    memcpy(&four, from, sizeof four);
    return four;
}

static inline void put(float *to, lanes four) { memcpy(to, &four, sizeof four); }

/* Four neighbours of each quarter of a span: on to the spectrum. */
static inline void forwards(float *re, float *im, ptrdiff_t quarter, const float *factors)
{
    const lanes a = get(re), b = get(re + quarter), c = get(re + 2 * quarter), d = get(re + 3 * quarter);
    const lanes e = get(im), f = get(im + quarter), g = get(im + 2 * quarter), h = get(im + 3 * quarter);
    const lanes ac = a + c, bd = b + d, eg = e + g, fh = f + h;
    const lanes a_c = a - c, b_d = b - d, e_g = e - g, f_h = f - h;
    const lanes real[3] = {a_c + f_h, ac - bd, a_c - f_h}, imaginary[3] = {e_g - b_d, eg - fh, e_g + b_d};
    put(re, ac + bd);
    put(im, eg + fh);
    for (ptrdiff_t part = 0; part < 3; part++) {
        const lanes x = get(factors + 2 * part * quarter), y = get(factors + (2 * part + 1) * quarter);
        put(re + (part + 1) * quarter, real[part] * x - imaginary[part] * y);
        put(im + (part + 1) * quarter, real[part] * y + imaginary[part] * x);
    }
}

/* The same back. */
static inline void backwards(float *re, float *im, ptrdiff_t quarter, const float *factors)
{
    lanes real[4] = {get(re)}, imaginary[4] = {get(im)};
    for (ptrdiff_t part = 0; part < 3; part++) {
        const lanes x = get(factors + 2 * part * quarter), y = get(factors + (2 * part + 1) * quarter);
        const lanes r = get(re + (part + 1) * quarter), i = get(im + (part + 1) * quarter);
        real[part + 1] = r * x + i * y;
        imaginary[part + 1] = i * x - r * y;
    }
    const lanes a = real[0] + real[2], b = real[0] - real[2], c = real[1] + real[3], d = real[1] - real[3];
    const lanes e = imaginary[0] + imaginary[2], f = imaginary[0] - imaginary[2];
    const lanes g = imaginary[1] + imaginary[3], h = imaginary[1] - imaginary[3];
    put(re, a + c);
    put(im, e + g);
    put(re + quarter, b - h);
    put(im + quarter, f + d);
    put(re + 2 * quarter, a - c);
    put(im + 2 * quarter, e - g);
    put(re + 3 * quarter, b + h);
    put(im + 3 * quarter, f - d);
}

/* Rows to columns, of four by four. */
static inline void turn(lanes *rows)
{
    const lanes a = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
    const lanes b = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
    const lanes c = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
    const lanes d = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
    rows[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    rows[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    rows[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    rows[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

/* All spans of 16 and more, from the greatest; what is left are transforms of four neighbours.
 *
 * factors: for each span, a quarter of the one before, the first, second and third powers of its first quarter of roots
 * of unity, real parts and then imaginary parts of each power.
 */
static const float *spans_forwards(float *re, float *im, ptrdiff_t points, const float *factors)
{
    for (ptrdiff_t span = points; span >= 16; span /= 4) {
        for (ptrdiff_t start = 0; start < points; start += span)
            for (ptrdiff_t at = start; at < start + span / 4; at += 4)
                forwards(re + at, im + at, span / 4, factors + at - start);
        factors += 6 * (span / 4);
    }
    return factors;
}

static void spans_backwards(float *re, float *im, ptrdiff_t points, const float *factors)
{
    for (ptrdiff_t span = 16; span <= points; span *= 4) {
        factors -= 6 * (span / 4);
        for (ptrdiff_t start = 0; start < points; start += span)
            for (ptrdiff_t at = start; at < start + span / 4; at += 4)
                backwards(re + at, im + at, span / 4, factors + at - start);
    }
}

/* The spectrum of sixteen neighbours that are four transforms of four. */
static inline void four_forwards(const float *re, const float *im, lanes *real, lanes *imaginary)
{
    lanes x[4], y[4];
    for (int row = 0; row < 4; row++) {
        x[row] = get(re + 4 * row);
        y[row] = get(im + 4 * row);
    }
    turn(x);
    turn(y);
    const lanes a = x[0] + x[2], b = x[0] - x[2], c = x[1] + x[3], d = x[1] - x[3];
    const lanes e = y[0] + y[2], f = y[0] - y[2], g = y[1] + y[3], h = y[1] - y[3];
    real[0] = a + c;
    imaginary[0] = e + g;
    real[1] = b + h;
    imaginary[1] = f - d;
    real[2] = a - c;
    imaginary[2] = e - g;
    real[3] = b - h;
    imaginary[3] = f + d;
}

/* Transform a response, in place, for `tonearm_convolve_both`. points: a power of four, 16 at least. */
void tonearm_convolve_response(float *re, float *im, ptrdiff_t points, const float *factors)
{
    spans_forwards(re, im, points, factors);
    for (ptrdiff_t at = 0; at < points; at += 16) {
        lanes real[4], imaginary[4];
        four_forwards(re + at, im + at, real, imaginary);
        for (int row = 0; row < 4; row++) {
            put(re + at + 4 * row, real[row]);
            put(im + at + 4 * row, imaginary[row]);
        }
    }
}

/* Convolve in a circle of `points` frames, in place, and multiply by `points`.
 *
 * re, im: what is convolved, real and imaginary parts. by_re, by_im: from `tonearm_convolve_response`.
 */
void tonearm_convolve_both(float *re, float *im, ptrdiff_t points, const float *factors, const float *by_re,
                           const float *by_im)
{
    const float *end = spans_forwards(re, im, points, factors);
    for (ptrdiff_t at = 0; at < points; at += 16) {
        lanes real[4], imaginary[4], x[4], y[4];
        four_forwards(re + at, im + at, real, imaginary);
        for (int row = 0; row < 4; row++) {
            const lanes r = get(by_re + at + 4 * row), i = get(by_im + at + 4 * row);
            x[row] = real[row] * r - imaginary[row] * i;
            y[row] = real[row] * i + imaginary[row] * r;
        }
        const lanes a = x[0] + x[2], b = x[0] - x[2], c = x[1] + x[3], d = x[1] - x[3];
        const lanes e = y[0] + y[2], f = y[0] - y[2], g = y[1] + y[3], h = y[1] - y[3];
        lanes back[2][4] = {{a + c, b - h, a - c, b + h}, {e + g, f + d, e - g, f - d}};
        turn(back[0]);
        turn(back[1]);
        for (int row = 0; row < 4; row++) {
            put(re + at + 4 * row, back[0][row]);
            put(im + at + 4 * row, back[1][row]);
        }
    }
    spans_backwards(re, im, points, end);
}
