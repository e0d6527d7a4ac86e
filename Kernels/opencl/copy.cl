// to = from, COUNT elements of VECTOR (float4 or float16): how fast a device moves memory by kernels.
//
// A work-item copies RUN elements that lie together: 1 where many work-items run side by side. Global size: at least
// COUNT / RUN, any local size. INDEX counts COUNT elements and those that surplus work-items would have. With STREAMED the
// stores go past the caches where the compiler can say so. `to` does not overlap `from`.
#if STREAMED && defined(__has_builtin)
#if __has_builtin(__builtin_nontemporal_store)
#define STORE(value, place) __builtin_nontemporal_store(value, place)
#endif
#endif
#ifndef STORE
#define STORE(value, place) (*(place) = (value))
#endif

__kernel void KERNEL(PF_IN(from), PF_OUT(to)) {
    const INDEX first = (INDEX)get_global_id(0) * RUN, end = min(first + RUN, (INDEX)COUNT);
    for (INDEX i = first; i < end; i++) STORE(PF_POINTER(const VECTOR, from)[i], PF_POINTER(VECTOR, to) + i);
}
#undef STORE
