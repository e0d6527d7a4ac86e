// The thread pool. The caller walks the step list; for each step of several chunks it opens tickets from which threads
// claim chunks, and goes on when the last claimed chunk is done. Nobody waits for a thread that holds no chunk, so a
// worker that the system has put aside delays nothing. A thread takes chunks from a share of its own first, the same
// part of every step: rows of one step are mostly what it wrote in the one before, and still in its caches.
#define _POSIX_C_SOURCE 200809L     // signal masks, which strict ISO C hides
#include "pf_pool.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

// How often a thread looks before it sleeps: some tens of microseconds.
#define SPINS 2000

// A ticket holds a round number (high half) and the next unclaimed chunk of its share (low half). A claim is a
// compare-and-swap of both, so it fails when the round that the claimer read about is over.
#define CHUNKS_PER_ROUND ((int64_t)1 << 31)
// The low half of a ticket from which nothing can be claimed.
#define CLOSED UINT32_MAX

// Most shares of a step; with more threads some begin at the same.
#define MOST_SHARES 8

typedef struct {
    _Alignas(64) atomic_uint_fast64_t value;
} ticket;

typedef struct {
    pf_pool *pool;
    pthread_t thread;
    void *scratch;
    int32_t share;                              // which it begins with
} worker;

struct pf_pool {
    // What the current round does. Atomic because a late worker may read them while the next round is set up; its
    // claim then fails and it uses nothing of what it read.
    _Alignas(64) _Atomic(pf_kernel) kernel;
    _Atomic(const void *) args;
    atomic_int_fast64_t first, chunks;

    ticket tickets[MOST_SHARES];
    _Alignas(64) atomic_uint_fast64_t round;    // the last that was opened
    _Alignas(64) atomic_int_fast64_t done;      // chunks finished in this round

    _Alignas(64) atomic_int sleeping_workers;
    atomic_bool sleeping_caller, stop;
    pthread_mutex_t mutex;
    pthread_cond_t opened, finished;

    int32_t threads, shares;
    worker *workers;                            // workers[0] is the caller
};

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Claims and does chunks of the open round until none is left, share after share; returns a round none of whose chunks
// is left.
static uint64_t work(pf_pool *pool, const worker *self) {
    uint64_t round = atomic_load(&pool->round);
    for (int32_t turn = 0; turn < pool->shares; turn++) {
        int32_t share = (self->share + turn) % pool->shares;
        atomic_uint_fast64_t *next = &pool->tickets[share].value;
        uint64_t ticket = atomic_load(next);
        for (;;) {
            // Reading any value of a later round makes the compare-and-swap fail: see run_round.
            pf_kernel kernel = atomic_load_explicit(&pool->kernel, memory_order_acquire);
            const void *args = atomic_load_explicit(&pool->args, memory_order_acquire);
            int64_t first = atomic_load_explicit(&pool->first, memory_order_acquire);
            int64_t chunks = atomic_load_explicit(&pool->chunks, memory_order_acquire);
            int64_t chunk = (int64_t)(uint32_t)ticket;
            if (chunk >= chunks * (share + 1) / pool->shares) break;
            if (!atomic_compare_exchange_weak(next, &ticket, ticket + 1)) continue;
            kernel(args, first + chunk, self->scratch);
            // Sequentially consistent, as the sleeping caller's look is: one of the two sides sees the other.
            if (atomic_fetch_add(&pool->done, 1) + 1 == chunks && atomic_load(&pool->sleeping_caller)) {
                pthread_mutex_lock(&pool->mutex);
                pthread_cond_signal(&pool->finished);
                pthread_mutex_unlock(&pool->mutex);
            }
            ticket = atomic_load(next);
        }
    }
    return round;
}

static void *worker_main(void *argument) {
    worker *self = argument;
    pf_pool *pool = self->pool;
    uint64_t seen = 0;
    for (;;) {
        for (int spin = 0; spin < SPINS && atomic_load(&pool->round) == seen; spin++) relax();
        if (atomic_load(&pool->round) == seen) {
            pthread_mutex_lock(&pool->mutex);
            atomic_fetch_add(&pool->sleeping_workers, 1);
            while (atomic_load(&pool->round) == seen && !atomic_load(&pool->stop))
                pthread_cond_wait(&pool->opened, &pool->mutex);
            atomic_fetch_sub(&pool->sleeping_workers, 1);
            pthread_mutex_unlock(&pool->mutex);
        }
        if (atomic_load(&pool->stop)) return NULL;
        seen = work(pool, self);
    }
}

// Does chunks first..<first + chunks of a step on all threads.
static void run_round(pf_pool *pool, const pf_step *step, int64_t first, int64_t chunks) {
    // Close, describe, open. A late worker that reads part of this description with an old ticket in hand finds the
    // ticket changed (the description is released after the closing) and claims nothing.
    uint64_t round = atomic_load(&pool->round);
    for (int32_t i = 0; i < pool->shares; i++) atomic_store(&pool->tickets[i].value, round << 32 | CLOSED);
    atomic_store_explicit(&pool->kernel, step->kernel, memory_order_release);
    atomic_store_explicit(&pool->args, step->args, memory_order_release);
    atomic_store_explicit(&pool->first, first, memory_order_release);
    atomic_store_explicit(&pool->chunks, chunks, memory_order_release);
    atomic_store_explicit(&pool->done, 0, memory_order_release);
    for (int32_t i = 0; i < pool->shares; i++)
        atomic_store(&pool->tickets[i].value, (round + 1) << 32 | (uint64_t)(chunks * i / pool->shares));
    atomic_store(&pool->round, round + 1);
    int sleeping = atomic_load(&pool->sleeping_workers);
    if (sleeping > 0) {
        pthread_mutex_lock(&pool->mutex);
        if (chunks > sleeping) pthread_cond_broadcast(&pool->opened);
        else for (int64_t i = 1; i < chunks; i++) pthread_cond_signal(&pool->opened);
        pthread_mutex_unlock(&pool->mutex);
    }
    work(pool, &pool->workers[0]);
    for (int spin = 0; spin < SPINS && atomic_load(&pool->done) < chunks; spin++) relax();
    if (atomic_load(&pool->done) < chunks) {
        pthread_mutex_lock(&pool->mutex);
        atomic_store(&pool->sleeping_caller, true);
        while (atomic_load(&pool->done) < chunks) pthread_cond_wait(&pool->finished, &pool->mutex);
        atomic_store(&pool->sleeping_caller, false);
        pthread_mutex_unlock(&pool->mutex);
    }
}

static void run_steps(pf_pool *pool, const pf_step *steps, int64_t count) {
    for (const pf_step *step = steps; step < steps + count; step++) {
        if (!step->kernel) {
            for (int64_t turn = 0; turn < step->repeat; turn++) {
                if (step->counter) *step->counter = (int32_t)turn;
                run_steps(pool, step->body, step->body_count);
            }
        } else if (step->chunks == 1 || pool->threads == 1) {
            for (int64_t chunk = 0; chunk < step->chunks; chunk++)
                step->kernel(step->args, chunk, pool->workers[0].scratch);
        } else {
            for (int64_t first = 0; first < step->chunks; first += CHUNKS_PER_ROUND) {
                int64_t rest = step->chunks - first;
                run_round(pool, step, first, rest < CHUNKS_PER_ROUND ? rest : CHUNKS_PER_ROUND);
            }
        }
    }
}

void pf_pool_run(pf_pool *pool, const pf_step *steps, int64_t count) {
    run_steps(pool, steps, count);
}

int32_t pf_pool_threads(const pf_pool *pool) {
    return pool->threads;
}

// Starts workers[1]... with all signals blocked: signals are the caller's business. Returns how many run.
static int32_t start_workers(pf_pool *pool, int32_t threads) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int32_t started = 1;
    while (started < threads
           && pthread_create(&pool->workers[started].thread, NULL, worker_main, &pool->workers[started]) == 0)
        started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

pf_pool *pf_pool_create(int32_t threads) {
    if (threads < 1) threads = 1;
    pf_pool *pool = aligned_alloc(64, sizeof(pf_pool));
    if (!pool) return NULL;
    *pool = (pf_pool){.threads = threads, .shares = threads < MOST_SHARES ? threads : MOST_SHARES,
                      .workers = calloc((size_t)threads, sizeof(worker))};
    if (!pool->workers) {
        free(pool);
        return NULL;
    }
    for (int32_t i = 0; i < pool->shares; i++) atomic_store(&pool->tickets[i].value, CLOSED);
    bool ready = true;
    for (int32_t i = 0; i < threads; i++) {
        pool->workers[i] = (worker){.pool = pool, .scratch = aligned_alloc(64, PF_SCRATCH_BYTES),
                                    .share = i % pool->shares};
        ready = ready && pool->workers[i].scratch;
    }
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->opened, NULL);
    pthread_cond_init(&pool->finished, NULL);
    int32_t started = ready ? start_workers(pool, threads) : 1;
    if (started == threads && ready) return pool;
    // Destroy joins the first `threads` workers and frees the scratch of those; free the others' here.
    for (int32_t i = started; i < threads; i++) free(pool->workers[i].scratch);
    pool->threads = started;
    pf_pool_destroy(pool);
    return NULL;
}

void pf_pool_destroy(pf_pool *pool) {
    if (!pool) return;
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->opened);
    pthread_mutex_unlock(&pool->mutex);
    for (int32_t i = 1; i < pool->threads; i++) pthread_join(pool->workers[i].thread, NULL);
    for (int32_t i = 0; i < pool->threads; i++) free(pool->workers[i].scratch);
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->opened);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->workers);
    free(pool);
}
