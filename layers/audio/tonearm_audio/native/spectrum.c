/* What one reads off the spectra of short frames. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FAINTEST 1e-20f
#define LANES 4
#define STRETCH 64

/* Split a positive number into its binary exponent, which is returned, and a mantissa in [1, 2). */
static inline int64_t normalised(double *value)
{
    uint64_t bits;
    memcpy(&bits, value, sizeof bits);
    const int64_t exponent = (int64_t)(bits >> 52) - 1023;
    bits = (bits & 0x000fffffffffffffu) | 0x3ff0000000000000u;
    memcpy(value, &bits, sizeof bits);
    return exponent;
}

static inline double added(const double *lanes)
{
    return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

/* The power of every bin of complex spectra, and their figures.
 *
 * spectra: rows of `bins` complex numbers, one more than a multiple of LANES. from, to: the bins, from the first up to but
 * without the last, whose geometric mean is taken. share: part of a row's magnitudes that lies below its roll-off.
 * power: rows of `bins`. total: the power of each bin, added up over all rows. magnitudes: room for one row.
 * figures: 7 values a row: sums of the magnitudes, of the magnitudes times their bin, times its square, of the powers of
 * the bins from..to, the product of those as mantissa and as exponent of 2, and the bin of the roll-off. The mean (bin 0)
 * is in the powers only.
 */
void tonearm_spectrum(const float *restrict spectra, ptrdiff_t rows, ptrdiff_t bins, ptrdiff_t from, ptrdiff_t to,
                      double share, float *restrict power, double *restrict total, float *restrict magnitudes,
                      double *restrict figures)
{
    for (ptrdiff_t row = 0; row < rows; row++, spectra += 2 * bins, power += bins, figures += 7) {
        for (ptrdiff_t bin = 0; bin < bins; bin++) {
            const float real = spectra[2 * bin], imaginary = spectra[2 * bin + 1];
            power[bin] = real * real + imaginary * imaginary;
            magnitudes[bin] = __builtin_sqrtf(power[bin]);
        }
        for (ptrdiff_t bin = 0; bin < bins; bin++)
            total[bin] += power[bin];
        double sums[3][LANES] = {{0.0}}, place[LANES];
        for (int lane = 0; lane < LANES; lane++)
            place[lane] = 1 + lane;
        for (ptrdiff_t bin = 1; bin < bins; bin += LANES)
            for (int lane = 0; lane < LANES; lane++) {
                const double magnitude = magnitudes[bin + lane], weighted = magnitude * place[lane];
                sums[0][lane] += magnitude;
                sums[1][lane] += weighted;
                sums[2][lane] += weighted * place[lane];
                place[lane] += LANES;
            }
        const double sum = added(sums[0]);
        double powers[LANES] = {0.0}, products[LANES] = {1.0, 1.0, 1.0, 1.0}, product = 1.0;
        int64_t exponent = 0;
        ptrdiff_t bin = from;
        for (; bin + LANES <= to; bin += LANES) {
            for (int lane = 0; lane < LANES; lane++) {
                const float size = power[bin + lane];
                powers[lane] += size;
                products[lane] *= size > FAINTEST ? size : FAINTEST;
            }
            if ((bin & 28) == 28)
                for (int lane = 0; lane < LANES; lane++)
                    exponent += normalised(products + lane);
        }
        for (int lane = 0; bin + lane < to; lane++) {
            const float size = power[bin + lane];
            powers[lane] += size;
            products[lane] *= size > FAINTEST ? size : FAINTEST;
        }
        for (int lane = 0; lane < LANES; lane++) {
            exponent += normalised(products + lane);
            product *= products[lane];
        }
        double below = 0.0;
        ptrdiff_t roll = 1;
        /* A stretch at a time where the roll-off is not in it. */
        for (; roll + STRETCH < bins; roll += STRETCH) {
            double parts[LANES] = {0.0};
            for (ptrdiff_t bin = roll; bin < roll + STRETCH; bin += LANES)
                for (int lane = 0; lane < LANES; lane++)
                    parts[lane] += magnitudes[bin + lane];
            const double further = below + added(parts);
            if (further >= share * sum)
                break;
            below = further;
        }
        for (; roll < bins - 1; roll++) {
            below += magnitudes[roll];
            if (below >= share * sum)
                break;
        }
        figures[0] = sum;
        figures[1] = added(sums[1]);
        figures[2] = added(sums[2]);
        figures[3] = added(powers);
        figures[4] = product;
        figures[5] = (double)exponent;
        figures[6] = (double)roll;
    }
}

/* Add to each sum the areas under its curve from one edge to the next.
 *
 * lanes: how many curves, side by side, since each area waits for the one before it. areas: room for their points.
 */
static inline __attribute__((always_inline)) void add_areas(const int lanes, const float *curves, ptrdiff_t points,
                                                            const double *edges, ptrdiff_t parts, double *areas,
                                                            float *const *sums)
{
    double so_far[LANES] = {0.0}, before[LANES] = {0.0};
    for (int lane = 0; lane < lanes; lane++)
        areas[lane] = 0.0;
    for (ptrdiff_t point = 1; point < points; point++)
        for (int lane = 0; lane < lanes; lane++) {
            const float *at = curves + lane * points + point;
            so_far[lane] += 0.5 * ((double)at[-1] + (double)at[0]);
            areas[lanes * point + lane] = so_far[lane];
        }
    for (ptrdiff_t edge = 0; edge <= parts; edge++) {
        ptrdiff_t point = (ptrdiff_t)edges[edge];
        if (point > points - 2)
            point = points - 2;
        const double part = edges[edge] - (double)point;
        double area[LANES];
        for (int lane = 0; lane < lanes; lane++) {
            const double here = curves[lane * points + point], there = curves[lane * points + point + 1];
            area[lane] = areas[lanes * point + lane] + part * (here + 0.5 * part * (there - here));
        }
        for (int lane = 0; lane < lanes; lane++) {
            if (edge > 0)
                sums[lane][edge - 1] += area[lane] > before[lane] ? (float)(area[lane] - before[lane]) : 0.0f;
            before[lane] = area[lane];
        }
    }
}

/* Add the areas under curves, whose points are joined by straight lines, from one edge to the next.
 *
 * curves: rows of `points`, two at least. edges: parts + 1 places, rising, in points, from 0 to points - 1. areas: room
 * for LANES curves. left: how many curves belong to the first row of sums; together: how many to each that follows.
 * sums: rows of `parts`.
 */
void tonearm_areas(const float *curves, ptrdiff_t count, ptrdiff_t points, const double *edges, ptrdiff_t parts,
                   double *areas, ptrdiff_t left, ptrdiff_t together, float *sums)
{
    for (ptrdiff_t lanes; count > 0; count -= lanes, curves += lanes * points) {
        float *to[LANES];
        lanes = count < LANES ? 1 : LANES;
        for (ptrdiff_t lane = 0; lane < lanes; lane++, left--) {
            if (left == 0) {
                sums += parts;
                left = together;
            }
            to[lane] = sums;
        }
        if (lanes == LANES)
            add_areas(LANES, curves, points, edges, parts, areas, to);
        else
            add_areas(1, curves, points, edges, parts, areas, to);
    }
}
