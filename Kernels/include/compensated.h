// Sums that keep what rounding takes from them, as a pair of numbers: the sum, to the bit what plain addition gives,
// and its compensation, the sum of the errors of all those additions. Valid C and OpenCL C, the same bits in both.
//
// The error of an addition is itself a float and found without a branch by Knuth's TwoSum (The Art of Computer
// Programming 2, 4.2.2, theorem B); adding errors up beside the sum is the Kahan-Babuska algorithm (Neumaier 1974;
// Ogita, Rump and Oishi 2005 give the bound: of n elements x the result is wrong by at most
// eps |sum of x| + n^2 eps^2 (sum of |x|), and far less where n is large and lanes are joined in a tree).
//
// A compensation that begins as +0 is never -0 while its sum is finite. So to take -0 changes nothing, nor does it to
// join (+0, +0) again.
#ifndef PF_COMPENSATED_H
#define PF_COMPENSATED_H
#ifndef __OPENCL_VERSION__
#include "scalar.h"
#endif

// (sum, rest) takes x. T: their type, a float or a vector of floats; sum and rest are assigned.
#define PF_TAKE(T, sum, rest, x)                                                                                       \
    do {                                                                                                               \
        const T total_ = (sum) + (x), taken_ = total_ - (sum);                                                         \
        rest = (rest) + (((sum) - (total_ - taken_)) + ((x) - taken_));                                                \
        sum = total_;                                                                                                  \
    } while (0)

// (sum, rest) takes the pair (other, other_rest): the compensations are added first, then the new error.
#define PF_JOIN(T, sum, rest, other, other_rest)                                                                       \
    do {                                                                                                               \
        rest = (rest) + (other_rest);                                                                                  \
        PF_TAKE(T, sum, rest, other);                                                                                  \
    } while (0)

/// The number that a pair stands for: the sum alone where that overflowed or took in an infinity or NaN, since its
/// compensation then is NaN. A zero is +0.
PF_INLINE float pf_total(float sum, float rest) { return pf_is_finite(sum + rest) ? sum + rest : sum; }
/// What to add to the sum for that.
PF_INLINE float pf_rest(float sum, float rest) { return pf_is_finite(sum + rest) ? rest : 0.0f; }

#ifndef __OPENCL_VERSION__
PF_INLINE double pf_total_f64(double sum, double rest) { return pf_is_finite_f64(sum + rest) ? sum + rest : sum; }
PF_INLINE double pf_rest_f64(double sum, double rest) { return pf_is_finite_f64(sum + rest) ? rest : 0.0; }
#endif

#endif
