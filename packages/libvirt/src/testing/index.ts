/** For tests against a real libvirt: a daemon of one's own, and a guest that starts at once. */
export { PrivateLibvirtd, type PrivateLibvirtdOptions, startPrivateLibvirtd } from "./private-libvirtd.ts";
export {
  TINY_GUEST_GREETING,
  tinyGuest,
  tinyGuestBootSector,
  tinyGuestXml,
  writeTinyGuestDisk,
} from "./tiny-guest.ts";
