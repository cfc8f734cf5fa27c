/*
 * Loaded into a lab host's sanlock, never into a production one, where none of this is needed:
 *  - a container may not raise the limit of locked memory, and sanlock would end for that;
 *  - a lab's shared datastores do not lie behind its storage network; with the cable of stor0 out, their disk
 *    heartbeat must fail as if they did.
 * Declares what it uses, so that it builds without the C library's headers.
 */
long syscall(long number, ...);
int *__errno_location(void);
int open(const char *path, int flags, ...);
long read(int fd, void *into, unsigned long size);
int close(int fd);

enum { IO_SUBMIT = 209, READ_ONLY = 0, IO_ERROR = 5 };

int setrlimit(int resource, const void *limit) { return 0; }

/* Without the interface nothing can be cut; with it down, its carrier cannot even be read. */
static int storage_is_cut(void) {
  char carrier = '0';
  int fd = open("/sys/class/net/stor0/carrier", READ_ONLY);
  if (fd < 0) return 0;
  if (read(fd, &carrier, 1) != 1) carrier = '0';
  close(fd);
  return carrier == '0';
}

/* As libaio's: answers the error instead of setting errno. */
int io_submit(void *context, long count, void **requests) {
  if (storage_is_cut()) return -IO_ERROR;
  long done = syscall(IO_SUBMIT, context, count, requests);
  return done >= 0 ? done : -*__errno_location();
}
