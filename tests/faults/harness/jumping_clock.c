/* The wall clock of a process, ahead by as many seconds as a file says at that moment: for LD_PRELOAD.
   SUANBU_JUMPING_CLOCK names the file, eight bytes in the machine's order. No header is needed, so a compiler is enough. */

struct timespec { long seconds, nanoseconds; };
struct timeval { long seconds, microseconds; };

extern char *getenv(const char *);
extern int open(const char *, int, ...);
extern int close(int);
extern void *mmap(void *, unsigned long, int, int, int, long);
extern void *dlsym(void *, const char *);

static volatile long *file;

static long ahead(void)
{
    if (file == 0) {
        const char *name = getenv("SUANBU_JUMPING_CLOCK");
        int handle = name ? open(name, 0) : -1;
        void *mapped = handle < 0 ? (void *)-1 : mmap(0, 8, 1 /* to be read */, 1 /* shared */, handle, 0);
        if (handle >= 0)
            close(handle);
        if (mapped == (void *)-1)
            return 0;
        file = mapped;
    }
    return *file;
}

static int real(int clock, struct timespec *now)
{
    static int (*next)(int, struct timespec *);
    if (next == 0)
        next = (int (*)(int, struct timespec *))dlsym((void *)-1l /* the next in line */, "clock_gettime");
    return next(clock, now);
}

int clock_gettime(int clock, struct timespec *now)
{
    int failed = real(clock, now);
    if (!failed && (clock == 0 || clock == 5)) /* the wall clock, exact and coarse; all others keep their pace */
        now->seconds += ahead();
    return failed;
}

int gettimeofday(struct timeval *now, void *zone)
{
    struct timespec exact;
    int failed = zone != 0 ? -1 : clock_gettime(0, &exact);
    if (!failed) {
        now->seconds = exact.seconds;
        now->microseconds = exact.nanoseconds / 1000;
    }
    return failed;
}

long time(long *told)
{
    struct timespec exact;
    clock_gettime(0, &exact);
    if (told != 0)
        *told = exact.seconds;
    return exact.seconds;
}
