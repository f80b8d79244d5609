/* The motion of `tonearm_audio/spatial.py`: gains that move, ears that hear late, and the power that is held. */
#include <stddef.h>

enum { CONTROL = 128, LANES = 4, TAPS = 16, PHASES = 64 };

/* Add a signal with a gain that moves in a line from one control point to the next. */
static void ramped(float *restrict out, const float *restrict in, float start, float rise)
{
    for (ptrdiff_t step = 0; step < CONTROL; step++)
        out[step] += (rise * ((float)(int)step * (1.0f / CONTROL)) + start) * in[step];
}

/* Turn a middle and its sides about the listener, for loudspeakers too.
 *
 * middle, low, sides: the middle, its low band and the sides, at the first frame; low is read `delay` frames to both
 * sides; sides is NULL for a source without. room_middle, room_sides: NULL without a room. starts, rises: 10 rows of
 * frames / 128 control points: gains of the middle, its low band, that band's bend and its slope in what becomes the
 * middle, the same in what becomes the sides, of the sides, and of the room. out: 2 rows of frames, a multiple of 128.
 */
void tonearm_spatial_turn(const float *middle, const float *low, ptrdiff_t delay, const float *sides,
                          const float *room_middle, const float *room_sides, const float *starts, const float *rises,
                          float *restrict out, ptrdiff_t frames)
{
    const ptrdiff_t points = frames / CONTROL;
    for (ptrdiff_t point = 0; point < points; point++) {
        for (ptrdiff_t row = 0; row < 2; row++) {
            const float *start = starts + 4 * row * points + point, *rise = rises + 4 * row * points + point;
            const float *room = row ? room_sides : room_middle;
            float *restrict made = out + row * frames + point * CONTROL;
            for (ptrdiff_t step = 0; step < CONTROL; step++) {
                const ptrdiff_t frame = point * CONTROL + step;
                const float ramp = (float)(int)step * (1.0f / CONTROL);
                const float early = low[frame + delay], late = low[frame - delay];
                /* The low band at a moment between `late` and `early`, by the parabola through three points. */
                const float slope = (early - late) * 0.5f, bend = (early + late) * 0.5f - low[frame];
                float sum = (rise[0] * ramp + start[0]) * middle[frame];
                sum += (rise[points] * ramp + start[points]) * low[frame];
                sum += (rise[2 * points] * ramp + start[2 * points]) * bend;
                sum += (rise[3 * points] * ramp + start[3 * points]) * slope;
                made[step] = sum;
            }
            if (room)
                ramped(made, room + point * CONTROL, starts[9 * points + point], rises[9 * points + point]);
        }
        if (sides)
            ramped(out + frames + point * CONTROL, sides + point * CONTROL, starts[8 * points + point],
                   rises[8 * points + point]);
    }
}

/* The low band: the line under a Hann window that reaches so far to both sides, by running sums.
 *
 * in: at the first frame; read `reach` frames to both sides. cosine, sine: of pi / (reach + 1). frames: LANES or more.
 * The line is run through in four parts side by side, each of which adds up its first window afresh.
 */
void tonearm_spatial_low(const float *in, ptrdiff_t reach, double cosine, double sine, float *restrict out,
                         ptrdiff_t frames)
{
    const ptrdiff_t part = (frames + LANES - 1) / LANES;
    const double scale = 0.5 / (double)(reach + 1);
    double plain[LANES] = {0}, real[LANES] = {0}, imaginary[LANES] = {0};
    for (ptrdiff_t step = -2 * reach; step < part; step++) {
        for (int lane = 0; lane < LANES; lane++) {
            /* The last part may begin within the one before. */
            const ptrdiff_t frame = (lane * part < frames - part ? lane * part : frames - part) + step;
            const double entering = in[frame + reach], leaving = step > 0 ? in[frame - reach - 1] : 0.0;
            const double turned = cosine * real[lane] + sine * imaginary[lane];
            imaginary[lane] = cosine * imaginary[lane] - sine * real[lane] + sine * entering;
            real[lane] = turned + (leaving - cosine * entering);
            plain[lane] += entering - leaving;
            if (step >= 0)
                out[frame] = (float)((plain[lane] + real[lane]) * scale);
        }
    }
}

/* What the head lets around itself: a first-order low-pass. held: what it gave last, 0 at first. */
void tonearm_spatial_shade(const float *in, float *restrict out, ptrdiff_t frames, double share, double *held)
{
    double value = *held;
    for (ptrdiff_t frame = 0; frame < frames; frame++) {
        value += share * (in[frame] - value);
        /* Silence, and no numbers too small for a processor to be quick about. */
        value = value > 1e-30 || value < -1e-30 ? value : 0.0;
        out[frame] = (float)value;
    }
    *held = value;
}

/* Add to an ear what it hears of a source.
 *
 * signal, low: the source and what goes around the head, at the first frame; both are read from TAPS / 2 frames before
 * the longest delay to TAPS / 2 frames after the shortest. starts, rises: 3 rows of frames / 128 control points: delay in
 * frames plus `lead`, never below 0, and gains of lows and highs. table: PHASES + 1 rows of TAPS. frames: a multiple of 128.
 */
void tonearm_spatial_hear(const float *signal, const float *low, ptrdiff_t lead, const float *starts,
                          const float *rises, const float *table, float *restrict out, ptrdiff_t frames)
{
    const ptrdiff_t points = frames / CONTROL;
    for (ptrdiff_t frame = 0; frame < frames; frame++) {
        const ptrdiff_t point = frame / CONTROL;
        const float ramp = (float)(int)(frame % CONTROL) * (1.0f / CONTROL);
        const float delay = rises[point] * ramp + starts[point];
        const float lows = rises[points + point] * ramp + starts[points + point];
        const float highs = rises[2 * points + point] * ramp + starts[2 * points + point];
        const int whole = (int)delay;
        const float place = (delay - (float)whole) * PHASES;
        const int phase = (int)place;
        const float part = place - (float)phase;
        const float *taps = table + phase * TAPS;
        const ptrdiff_t at = frame + lead - whole - TAPS / 2;
        float sums[4] = {0};
        for (int tap = 0; tap < TAPS; tap += 4)
            for (int lane = 0; lane < 4; lane++) {
                const float around = low[at + tap + lane];
                const float value = lows * around + highs * (signal[at + tap + lane] - around);
                const float here = taps[tap + lane];
                sums[lane] += value * (here + part * (taps[TAPS + tap + lane] - here));
            }
        out[frame] += (sums[0] + sums[1]) + (sums[2] + sums[3]);
    }
}

/* Add up the power of four signals after two second-order sections, in transposed direct form II.
 *
 * sections: 2 rows of b0 b1 b2 a1 a2. state: 4 rows of 4 signals, zero at first. powers: 4 sums.
 */
void tonearm_spatial_powers(const float *first, const float *second, const float *third, const float *fourth,
                            ptrdiff_t frames, const double *sections, double *restrict state, double *restrict powers)
{
    double a[LANES], b[LANES], c[LANES], d[LANES], sum[LANES] = {0};
    for (int lane = 0; lane < LANES; lane++) {
        a[lane] = state[lane];
        b[lane] = state[LANES + lane];
        c[lane] = state[2 * LANES + lane];
        d[lane] = state[3 * LANES + lane];
    }
    for (ptrdiff_t frame = 0; frame < frames; frame++) {
        const double in[LANES] = {first[frame], second[frame], third[frame], fourth[frame]};
        for (int lane = 0; lane < LANES; lane++) {
            const double y = sections[0] * in[lane] + a[lane];
            a[lane] = (sections[1] * in[lane] + b[lane]) - sections[3] * y;
            b[lane] = sections[2] * in[lane] - sections[4] * y;
            const double z = sections[5] * y + c[lane];
            c[lane] = (sections[6] * y + d[lane]) - sections[8] * z;
            d[lane] = sections[7] * y - sections[9] * z;
            sum[lane] += z * z;
        }
    }
    for (int lane = 0; lane < LANES; lane++) {
        state[lane] = a[lane];
        state[LANES + lane] = b[lane];
        state[2 * LANES + lane] = c[lane];
        state[3 * LANES + lane] = d[lane];
        powers[lane] = sum[lane];
    }
}

/* Split left and right, interleaved, into their middle and their sides; one channel is its own middle. */
void tonearm_spatial_split(const float *in, ptrdiff_t frames, ptrdiff_t channels, float *restrict middle,
                           float *restrict sides)
{
    const float half = 0.70710678118654752440f;
    for (ptrdiff_t frame = 0; frame < frames; frame++) {
        if (channels == 1) {
            middle[frame] = in[frame];
        } else {
            middle[frame] = (in[2 * frame] + in[2 * frame + 1]) * half;
            sides[frame] = (in[2 * frame] - in[2 * frame + 1]) * half;
        }
    }
}

/* Join middle and sides to left and right, with a gain for each that moves in a line from the first frame to the last. */
void tonearm_spatial_join(const float *middle, const float *sides, ptrdiff_t frames, double middle_gain,
                          double middle_rise, double sides_gain, double sides_rise, float *restrict out)
{
    const float half = 0.70710678118654752440f;
    for (ptrdiff_t frame = 0; frame < frames; frame++) {
        const float one = middle[frame] * ((float)((double)(int)frame * middle_rise + middle_gain) * half);
        const float other = sides[frame] * ((float)((double)(int)frame * sides_rise + sides_gain) * half);
        out[2 * frame] = one + other;
        out[2 * frame + 1] = one - other;
    }
}
