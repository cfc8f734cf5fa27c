import i18next from "i18next";
import { beforeAll, describe, expect, test } from "vitest";
import { VM_ACTIONS, VM_EDITS } from "@sinter/rules";
import { en } from "../../i18n/en/index.ts";
import { zh } from "../../i18n/zh/index.ts";
import { changeOf } from "./vm-hardware-form.tsx";
import { addressOf, type Doing, reasonAgainst, stateOf } from "./vm-state.ts";

beforeAll(async () => {
  await i18next.init({
    lng: "en",
    resources: { en: { translation: en }, zh: { translation: zh } },
    interpolation: { escapeValue: false },
  });
});
const why = (doing: Doing, status: string, isTemplate = false): string | undefined =>
  reasonAgainst(i18next.t, doing, { status, isTemplate });

describe("why something cannot be done with a VM", () => {
  test("what the rules allow has no reason, what they do not has one in words", () => {
    expect(why("start", "stopped")).toBeUndefined();
    expect(why("resume", "pause")).toBeUndefined();
    expect(why("start", "running")).toBe("The VM is running; this needs stopped or hibernated or faulty.");
    expect(why("resize", "running")).toBe("The VM is running; this needs stopped.");
  });

  test("in Chinese with its quotes in pairs", async () => {
    await i18next.changeLanguage("zh");
    expect(why("resume", "running")).toBe("虚拟机当前状态为“运行中”；此操作要求“已暂停”。");
    await i18next.changeLanguage("en");
  });

  test("a status that stands for two states offers what either allows", () => {
    expect(why("stop", "unknown")).toBeUndefined();
    expect(why("remove", "unknown")).toBeUndefined();
    expect(why("pause", "unknown")).toContain("unknown");
  });

  test("a template is deployed, renamed or deleted, nothing else", () => {
    for (const doing of [...Object.keys(VM_ACTIONS), ...Object.keys(VM_EDITS)] as Doing[]) {
      const isOffered = why(doing, "stopped", true) === undefined;
      expect([doing, isOffered]).toEqual([doing, ["remove", "rename", "clone"].includes(doing)]);
    }
  });

  test("statuses that this release does not know are unknown", () => {
    expect(stateOf({ status: "shutting-down" })).toBe("deleting");
    expect(stateOf({ status: "new-in-9" })).toBe("unknown");
  });
});

test("the address shown is the first that leads somewhere", () => {
  const nic = (ip: string, ips6: string[] = []) => ({ mac: "", ip, ipList: "", ips6, sequenceNum: 0 });
  const vm = (...nics: ReturnType<typeof nic>[]) =>
    ({ vmConfig: { nics, properties: {} } }) as unknown as Parameters<typeof addressOf>[0];
  expect(addressOf(vm(nic("0.0.0.0"), nic("10.0.0.2")))).toBe("10.0.0.2");
  expect(addressOf(vm(nic("0.0.0.0", ["fe80::1"])))).toBe("fe80::1");
  expect(addressOf(vm())).toBe("");
});

test("only what was changed is sent", () => {
  const now = { name: "a", cpus: 2, coresPerSocket: 1, memoryMiB: 512, bootOption: "disk" } as const;
  expect(changeOf(now, now)).toEqual({});
  expect(changeOf(now, { ...now, name: "b" })).toEqual({ name: "b" });
  expect(changeOf(now, { ...now, coresPerSocket: 2 })).toEqual({ cpu: { quantity: 2, coresPerSocket: 2 } });
  expect(changeOf(now, { ...now, memoryMiB: 1024, bootOption: "cdrom" })).toEqual({
    memory: { quantityMB: 1024 },
    properties: { bootOption: "cdrom" },
  });
});
