import { randomInt } from "node:crypto";
import type { CreateVmRequest, ModifyVmRequest, OsRequest, PropertiesRequest } from "@sinter/northbound";
import { LIMITS } from "@sinter/rules";
import { vmErrors } from "./vm.errors.ts";
import type { VmCpu, VmMemory, VmOs, VmProperties } from "./vm.ts";

/*
 * From what a client asks to what a VM is: defaults, ranges and the rules between fields. Zero and empty text mean
 * "default", since one SDK drops false and 0 and another re-sends everything that it read.
 */

type CpuRequest = NonNullable<ModifyVmRequest["cpu"]>;
type MemoryRequest = NonNullable<ModifyVmRequest["memory"]>;

export function cpuFrom(request: CpuRequest, before?: VmCpu): VmCpu {
  const count = request.quantity ?? before?.count ?? 1;
  const isCountNew = before !== undefined && count !== before.count;
  const asked = request.coresPerSocket || undefined;
  // A size that no longer divides falls back to one core per socket rather than refuse a plain resize.
  const kept = before !== undefined && count % before.coresPerSocket === 0 ? before.coresPerSocket : 1;
  const coresPerSocket = asked ?? kept;
  if (count % coresPerSocket !== 0) throw vmErrors.coresInvalid(coresPerSocket, count);
  const defaultShares = Math.min(count * 1000, LIMITS.cpuShares.max);
  const cpu: VmCpu = {
    count,
    coresPerSocket,
    shares: request.weight || (before !== undefined && !isCountNew ? before.shares : defaultShares),
    reservationMhz: request.reservation ?? before?.reservationMhz ?? 0,
    limitMhz: request.limit ?? before?.limitMhz ?? 0,
    affinity: request.affinitySet ?? before?.affinity ?? [],
    hotPlug: (request.cpuHotPlug as VmCpu["hotPlug"] | undefined) ?? before?.hotPlug ?? 0,
  };
  if (cpu.limitMhz > 0 && cpu.reservationMhz > cpu.limitMhz) throw vmErrors.cpuReservationInvalid();
  return cpu;
}

/** A reservation from 1 to just below 70 % is raised to 70 %; 0 stays 0 (contract, disagreement 17). */
export function memoryFrom(request: MemoryRequest, before?: VmMemory): VmMemory {
  const sizeMiB = request.quantityMB ?? before?.sizeMiB ?? LIMITS.memoryMiB.min;
  const asked = request.reservation ?? Math.min(before?.reservationMiB ?? 0, sizeMiB);
  if (asked > sizeMiB) throw vmErrors.memoryReservationInvalid();
  const isSizeNew = before !== undefined && sizeMiB !== before.sizeMiB;
  const defaultShares = Math.min(sizeMiB * 10, LIMITS.memoryShares.max);
  return {
    sizeMiB,
    shares: request.weight || (before !== undefined && !isSizeNew ? before.shares : defaultShares),
    reservationMiB: asked === 0 ? 0 : Math.max(asked, Math.ceil(sizeMiB * 0.7)),
    hotPlug: (request.memHotPlug as VmMemory["hotPlug"] | undefined) ?? before?.hotPlug ?? 0,
  };
}

const KEPT_PROPERTIES = [
  "reoverByHost",
  "isEnableMemVol",
  "isEnableFt",
  "isAutoUpgrade",
  "attachType",
  "gpuShareType",
  "isReserveResource",
  "secureVmType",
  "isHpet",
] as const;

export function propertiesFrom(request: PropertiesRequest | undefined, before?: VmProperties): VmProperties {
  const others: Record<string, string | number | boolean> = { ...before?.others };
  for (const key of KEPT_PROPERTIES) {
    const value = request?.[key];
    if (value !== undefined && value !== "") others[key] = value;
  }
  return {
    bootOption: request?.bootOption || before?.bootOption || "disk",
    firmware: request?.bootFirmware
      ? request.bootFirmware === "UEFI"
        ? "uefi"
        : "bios"
      : (before?.firmware ?? "bios"),
    onGuestCrash: request?.vmFaultProcess || before?.onGuestCrash || "notprocess",
    isHaEnabled: request?.isEnableHa ?? before?.isHaEnabled ?? true,
    clockMode: request?.clockMode || before?.clockMode || "freeClock",
    keymap: request?.vmVncKeymapSetting || before?.keymap || 7,
    others,
  };
}

/** Default ids: "other Linux / Windows / other, 64 bit". */
const OTHER_64 = { Windows: 202, Linux: 302, Other: 402 } as const;

export function osFrom(request: OsRequest | undefined, before?: VmOs): VmOs {
  const type = request?.osType ?? before?.type ?? "Other";
  return {
    type,
    version: request?.osVersion ?? (before?.type === type ? before.version : OTHER_64[type]),
    guestOsName: request?.guestOSName ?? before?.guestOsName ?? "",
  };
}

const PASSWORD_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";

/** Eight random letters and digits, the most that VNC authentication looks at. No VM has an open console. */
export function generateVncPassword(): string {
  return Array.from({ length: 8 }, () => PASSWORD_LETTERS[randomInt(PASSWORD_LETTERS.length)]).join("");
}

export function readVncPassword(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  if (!/^[\x21-\x7e]{1,8}$/.test(text)) throw vmErrors.vncPasswordInvalid();
  return text;
}

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/;

/** Reads a UUID with or without dashes, any case; undefined when absent or empty. */
export function readUuid(text: string | undefined): string | undefined {
  const lower = text?.trim().toLowerCase();
  if (!lower) return undefined;
  if (!UUID.test(lower)) throw vmErrors.uuidInvalid(text ?? "");
  const hex = lower.replaceAll("-", "");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The parts of a create request that need no look-up. */
export function shapeOf(request: CreateVmRequest) {
  return {
    cpu: cpuFrom(request.vmConfig.cpu),
    memory: memoryFrom(request.vmConfig.memory),
    properties: propertiesFrom(request.vmConfig.properties),
    os: osFrom(request.osOptions),
    vncPassword: readVncPassword(request.vncAccessInfo?.vncPassword) ?? generateVncPassword(),
  };
}
