export { attachLab, createLab, resumeLab } from "./create-lab.ts";
export { withFileLock } from "./file-lock.ts";
export { type KvmProbe, probeKvm, probeKvmOnce } from "./kvm-probe.ts";
export * from "./lab.ts";
