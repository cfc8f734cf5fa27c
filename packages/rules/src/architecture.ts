/** Features by CPU architecture (GEN-14). */
export const FEATURES = {
  liveMigration: ["x86_64", "aarch64"],
  highAvailability: ["x86_64", "aarch64"],
  storageLiveMigration: ["x86_64", "aarch64"],
  thinProvisioning: ["x86_64", "aarch64"],
  disasterRecoveryAndBackup: ["x86_64", "aarch64"],
  resourceScheduling: ["x86_64", "aarch64"],
  powerManagement: ["x86_64", "aarch64"],
  vmQos: ["x86_64", "aarch64"],
  distributedSwitch: ["x86_64", "aarch64"],
  gpuPassthrough: ["x86_64", "aarch64"],
  memoryOvercommit: ["x86_64"],
  antivirus: ["x86_64"],
  userModeSwitching: ["x86_64"],
  sriov: ["x86_64"],
  gpuVirtualization: ["x86_64"],
} as const satisfies Record<string, readonly ("x86_64" | "aarch64")[]>;
export type Feature = keyof typeof FEATURES;

export function isSupportedOn(feature: Feature, architecture: "x86_64" | "aarch64"): boolean {
  return (FEATURES[feature] as readonly string[]).includes(architecture);
}
