/* The tips of a voice's partials, for formants.py. */
#include <stddef.h>

/* In each of `count` rows of bins, the strongest bin within half a spacing of where the next partial should be.
 *
 * spacings: bins from partial to partial, 1 or more. tips: count rows of `most` bins, rising. found: how many of them.
 */
void tonearm_formants_tips(const float *powers, ptrdiff_t count, ptrdiff_t bins, const double *spacings, ptrdiff_t most,
                           ptrdiff_t *tips, ptrdiff_t *found)
{
    for (ptrdiff_t index = 0; index < count; index++) {
        const float *row = powers + index * bins;
        const double spacing = spacings[index];
        double from = 0.5 * spacing;
        found[index] = 0;
        while (found[index] < most && from + spacing < (double)bins) {
            ptrdiff_t best = (ptrdiff_t)from + 1;
            const ptrdiff_t end = (ptrdiff_t)(from + spacing);
            for (ptrdiff_t bin = best + 1; bin <= end; bin++)
                if (row[bin] > row[best])
                    best = bin;
            tips[index * most + found[index]++] = best;
            from = (double)best + 0.5 * spacing;
        }
    }
}
