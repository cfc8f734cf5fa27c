/** Of disks on shared datastores: with less, a storage that stumbles costs VMs; with more, a start elsewhere waits. */
export const DEFAULT_LEASE_IO_TIMEOUT_S = 10;
