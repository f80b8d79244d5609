/* What one reads off the spectra of short frames. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FAINTEST 1e-20f
#define LANES 4

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

static inline double together(const double *lanes)
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
void tonearm_spectrum(const float *spectra, ptrdiff_t rows, ptrdiff_t bins, ptrdiff_t from, ptrdiff_t to, double share,
                      float *power, double *total, float *magnitudes, double *figures)
{
    for (ptrdiff_t row = 0; row < rows; row++, spectra += 2 * bins, power += bins, figures += 7) {
        for (ptrdiff_t bin = 0; bin < bins; bin++) {
            const float real = spectra[2 * bin], imaginary = spectra[2 * bin + 1];
            power[bin] = real * real + imaginary * imaginary;
            magnitudes[bin] = __builtin_sqrtf(power[bin]);
            total[bin] += power[bin];
        }
        double sums[3][LANES] = {{0.0}};
        for (ptrdiff_t bin = 1; bin < bins; bin += LANES)
            for (int lane = 0; lane < LANES; lane++) {
                const double magnitude = magnitudes[bin + lane], weighted = magnitude * (double)(bin + lane);
                sums[0][lane] += magnitude;
                sums[1][lane] += weighted;
                sums[2][lane] += weighted * (double)(bin + lane);
            }
        const double sum = together(sums[0]);
        double powers[LANES] = {0.0}, products[LANES] = {1.0, 1.0, 1.0, 1.0}, product = 1.0;
        int64_t exponent = 0;
        for (ptrdiff_t bin = from; bin < to; bin += LANES) {
            for (int lane = 0; lane < LANES; lane++) {
                const float size = bin + lane < to ? power[bin + lane] : 0.0f;
                powers[lane] += size;
                products[lane] *= bin + lane >= to ? 1.0 : size > FAINTEST ? size : FAINTEST;
            }
            if ((bin & 28) == 28)
                for (int lane = 0; lane < LANES; lane++)
                    exponent += normalised(products + lane);
        }
        for (int lane = 0; lane < LANES; lane++) {
            exponent += normalised(products + lane);
            product *= products[lane];
        }
        double below = 0.0;
        ptrdiff_t roll = 1;
        for (; roll < bins - 1; roll++) {
            below += magnitudes[roll];
            if (below >= share * sum)
                break;
        }
        figures[0] = sum;
        figures[1] = together(sums[1]);
        figures[2] = together(sums[2]);
        figures[3] = together(powers);
        figures[4] = product;
        figures[5] = (double)exponent;
        figures[6] = (double)roll;
    }
}

/* The area under each row of powers from one edge to the next, the powers being joined by straight lines.
 *
 * power: rows of `bins`. edges: parts + 1 places, rising, in bins, from 0 to bins - 1. areas: room for one row.
 * out: rows of `parts`.
 */
void tonearm_bands(const float *power, ptrdiff_t rows, ptrdiff_t bins, const double *edges, ptrdiff_t parts,
                   double *areas, float *out)
{
    for (ptrdiff_t row = 0; row < rows; row++, power += bins, out += parts) {
        areas[0] = 0.0;
        for (ptrdiff_t bin = 1; bin < bins; bin++)
            areas[bin] = areas[bin - 1] + 0.5 * ((double)power[bin - 1] + (double)power[bin]);
        double before = 0.0;
        for (ptrdiff_t edge = 0; edge <= parts; edge++) {
            ptrdiff_t bin = (ptrdiff_t)edges[edge];
            if (bin > bins - 2)
                bin = bins - 2;
            const double part = edges[edge] - (double)bin, here = power[bin], there = power[bin + 1];
            const double area = areas[bin] + part * (here + 0.5 * part * (there - here));
            if (edge > 0)
                out[edge - 1] = area > before ? (float)(area - before) : 0.0f;
            before = area;
        }
    }
}
