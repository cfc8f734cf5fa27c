export { attachLab, createLab, resumeLab } from "./create-lab.ts";
export { withFileLock } from "./file-lock.ts";
export { callGuestAgent, type GuestRunResult, runInGuest, waitForGuestAgent } from "./guest-agent.ts";
export { ensureGuestImage, type GuestImage, type GuestImageOptions } from "./guest-image/guest-image.ts";
export { type KvmProbe, probeKvm, probeKvmOnce } from "./kvm-probe.ts";
export * from "./lab.ts";
export { findLeftovers } from "./leftovers.ts";
