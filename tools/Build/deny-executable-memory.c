/* Runs a program in a process whose memory can never become executable, as systemd's MemoryDenyWriteExecute does.
   In C, because a process that compiles its own code at run time could not get as far as starting another one. */
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

int main(int count, char **arguments)
{
    (void)count;
    if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0) {
        perror("PR_SET_MDWE (Linux 6.3)");
        return 77;
    }
    execv(arguments[1], arguments + 1);
    perror(arguments[1]);
    return 78;
}
