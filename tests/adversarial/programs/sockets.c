/* Families and kinds of sockets that reach the host, the kernel or other boxes. */
#include <stdio.h>
#include <sys/socket.h>

int main(void) {
    /* PACKET, NETLINK, VSOCK, ALG, BLUETOOTH, XDP, TIPC, KEY, RDS, CAN, IUCV, PPPOX, LLC, NFC, QIPCRTR, SMC. */
    const int families[] = {17, 16, 40, 38, 31, 44, 30, 15, 21, 29, 32, 24, 26, 39, 42, 43};
    const int kinds[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET};
    int allowed = 0;
    for (unsigned i = 0; i < sizeof families / sizeof *families; i++)
        for (int kind = 0; kind < 4; kind++)
            if (socket(families[i], kinds[kind], 0) >= 0) { printf("ALLOWED family %d\n", families[i]); allowed = 1; }
    if (socket(AF_INET, SOCK_RAW, 1) >= 0 || socket(AF_INET6, SOCK_RAW, 58) >= 0) { puts("ALLOWED raw"); allowed = 1; }
    if (!allowed) puts("refused");
    return 0;
}
