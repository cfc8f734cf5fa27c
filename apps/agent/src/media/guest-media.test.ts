import assert from "node:assert/strict";
import { copyFile, mkdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after as afterAll, before as beforeAll, describe, test } from "node:test";
import { sampleDisk, sampleVm, sampleVolume } from "@sinter/agent-link/testing";
import { GiB, MiB, run, waitFor } from "@sinter/kit";
import { ensureGuestImage } from "@sinter/lab";
import {
  type CallContext,
  type CdromMedium,
  MEDIA_ENDED,
  type MediaChannel,
  type VmSpec,
} from "@sinter/southbound";
import { type Agent, composeAgent } from "../compose.ts";
import { bootCd } from "../testing/boot-cd.ts";
import { startTestHost, type TestHost, testLog } from "../testing/test-host.ts";
import { buildIso } from "../vm/iso9660.ts";

const context: CallContext = { signal: new AbortController().signal };
/** An emulated guest on a busy machine. */
const BOOT_MS_MAX = 180_000;

/** A browser that hands a file out, and what it was asked for. */
function browserOf(file: Buffer): {
  channel: MediaChannel;
  asked: { offset: number; length: number }[];
  leave: () => void;
} {
  const asked: { offset: number; length: number }[] = [];
  let hear: (message: string | Buffer) => void = () => {};
  let onClose: (code: number) => void = () => {};
  let isClosed = false;
  const close = (code: number): void => {
    if (isClosed) return;
    isClosed = true;
    onClose(code);
  };
  const channel: MediaChannel = {
    send(message) {
      const { id, offset, length } = JSON.parse(String(message)) as {
        id: number;
        offset: number;
        length: number;
      };
      asked.push({ offset, length });
      const head = Buffer.alloc(4);
      head.writeUInt32BE(id);
      setImmediate(() => hear(Buffer.concat([head, file.subarray(offset, offset + length)])));
    },
    onMessage: (listener) => void (hear = listener),
    onClose: (listener) => void (onClose = listener),
    close,
  };
  return { channel, asked, leave: () => close(MEDIA_ENDED) };
}

describe("media in a real guest", () => {
  let host: TestHost;
  let agent: Agent;
  let path: string;
  beforeAll(async () => {
    host = await startTestHost();
    agent = await composeAgent({
      config: host.config(),
      identity: host.identity,
      onRenewed: () => {},
      log: testLog,
    });
    path = await host.newDirectory();
    await agent.api.ensureDatastore({ datastoreId: "one", path, shared: false }, context);
    await mkdir(join(path, "isos"));
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  const iso = async (name: string, image: Buffer): Promise<Extract<CdromMedium, { kind: "iso" }>> => {
    await writeFile(join(path, "isos", name), image);
    return { kind: "iso", datastoreId: "one", name };
  };
  const change = (vmUuid: string, cdrom: CdromMedium | null) =>
    agent.api.changeMedia({ vmUuid, cdrom }, context);

  async function startedVm(spec: VmSpec): Promise<VmSpec & AsyncDisposable> {
    await agent.api.defineVm(spec, context);
    await agent.api.startVm({ vmUuid: spec.vmUuid }, context);
    return {
      ...spec,
      [Symbol.asyncDispose]: async () => {
        await agent.api.removeVm({ vmUuid: spec.vmUuid, force: true }, context);
      },
    };
  }

  for (const machine of ["sata", "scsi", "ide"] as const) {
    test(`a VM starts from a CD on ${machine}`, async () => {
      const volume = sampleVolume({ datastoreId: "one", sizeBytes: MiB });
      await agent.api.ensureVolume(volume, context);
      const cdrom = await iso("boot.iso", bootCd());
      {
        await using vm = await startedVm(
          sampleVm({
            memoryMiB: 32,
            bootOrder: ["cdrom", "disk"],
            cdromBus: machine === "ide" ? "sata" : machine,
            cdrom,
            disks: machine === "ide" ? [sampleDisk(volume, { bus: "ide" })] : [sampleDisk(volume)],
          }),
        );
        const line = await agent.openConsole(vm.vmUuid);
        let text = "";
        line.on("data", (data: Buffer) => (text += data.toString("latin1")));
        line.on("error", () => {});
        // It may have said that it is ready before anybody listened; then it answers.
        await waitFor(
          "the guest",
          () => {
            if (!/ready|b/.test(text) && !line.destroyed) line.write("a");
            return /ready|b/.test(text) || undefined;
          },
          { timeoutMs: 30_000, intervalMs: 200 },
        );
        line.destroy();
      }
      await agent.api.removeVolume(volume, context);
      await rm(join(path, "isos", "boot.iso"));
    });
  }

  test("a symbolic link in the folder of ISO files is none", async () => {
    await symlink("/etc/passwd", join(path, "isos", "evil.iso"));
    const { isos } = await agent.api.listIsos({ datastoreId: "one" }, context);
    assert.deepEqual(isos, []);
    const vm = sampleVm();
    await agent.api.defineVm(vm, context);
    const evil = change(vm.vmUuid, { kind: "iso", datastoreId: "one", name: "evil.iso" });
    await assert.rejects(evil, { code: "ISO_NOT_FOUND" });
    await rename(join(path, "isos"), join(path, "elsewhere"));
    await symlink("elsewhere", join(path, "isos"));
    await writeFile(join(path, "isos", "x.iso"), "x");
    await assert.rejects(change(vm.vmUuid, { kind: "iso", datastoreId: "one", name: "x.iso" }), {
      code: "ISO_NOT_FOUND",
    });
    await rm(join(path, "isos"));
    await rm(join(path, "elsewhere"), { recursive: true });
    await mkdir(join(path, "isos"));
    await agent.api.removeVm({ vmUuid: vm.vmUuid, force: true }, context);
  });

  describe("that runs Linux", () => {
    let vm: VmSpec & AsyncDisposable;
    beforeAll(async () => {
      const image = await ensureGuestImage();
      await mkdir(join(path, "images"), { recursive: true });
      await copyFile(image.path, join(path, "images", "mini"));
      const volume = sampleVolume({
        datastoreId: "one",
        sizeBytes: GiB,
        source: { kind: "image", datastoreId: "one", name: "mini" },
      });
      await agent.api.ensureVolume(volume, context);
      vm = await startedVm(sampleVm({ memoryMiB: 256, disks: [sampleDisk(volume)] }));
      const { vmUuid } = vm;
      await waitFor(
        "the guest's agent",
        async () => {
          const ping = { vmUuid, command: "guest-ping", timeoutMs: 2_000 };
          return await agent.api.guestCommand(ping, context).then(
            () => true,
            () => undefined,
          );
        },
        { timeoutMs: BOOT_MS_MAX, intervalMs: 500 },
      );
    });
    afterAll(() => vm?.[Symbol.asyncDispose]());

    /** Runs a shell line in the guest. */
    async function inGuest(line: string): Promise<{ code: number; text: string }> {
      const { vmUuid } = vm;
      const call = async (
        command: string,
        args: Record<string, unknown>,
      ): Promise<Record<string, unknown>> => {
        const request = { vmUuid, command, arguments: args, timeoutMs: 20_000 };
        return (await agent.api.guestCommand(request, context)).result as Record<string, unknown>;
      };
      const { pid } = await call("guest-exec", {
        path: "/bin/sh",
        arg: ["-c", `(${line}) 2>&1`],
        "capture-output": true,
      });
      const status = await waitFor(
        line,
        async () => {
          const seen = await call("guest-exec-status", { pid });
          return seen["exited"] === true ? seen : undefined;
        },
        { timeoutMs: 60_000, intervalMs: 50 },
      );
      const output = status["out-data"];
      const text = typeof output === "string" ? Buffer.from(output, "base64").toString() : "";
      return { code: Number(status["exitcode"]), text };
    }
    const mounted = "mount -t iso9660 -o ro /dev/sr0 /mnt";

    test("an ISO file comes into the drive, is read, and another takes its place", async () => {
      for (const words of ["first", "second"]) {
        const medium = await iso(
          `${words}.iso`,
          buildIso("CD", [{ name: "hello.txt", content: Buffer.from(words) }]),
        );
        assert.deepEqual((await change(vm.vmUuid, medium)).wasForced, false);
        assert.deepEqual(await inGuest(`${mounted} && cat /mnt/hello.txt; umount /mnt`), {
          code: 0,
          text: words,
        });
      }
      assert.equal((await change(vm.vmUuid, null)).vm.cdrom, null);
      assert.notEqual((await inGuest(mounted)).code, 0, "the drive is empty");
    });

    test("a CD that the guest has mounted is taken out by force, and that is said", async () => {
      const medium = await iso("held.iso", buildIso("CD", [{ name: "a", content: Buffer.alloc(10) }]));
      await change(vm.vmUuid, medium);
      assert.equal((await inGuest(mounted)).code, 0);
      const { wasForced, vm: seen } = await change(vm.vmUuid, null);
      assert.deepEqual([wasForced, seen.cdrom], [true, null]);
      await inGuest("umount /mnt");
      await change(vm.vmUuid, medium);
      assert.equal((await inGuest(`${mounted} && ls /mnt && umount /mnt`)).code, 0, "the drive works on");
      await change(vm.vmUuid, null);
    });

    test("CMP-29: a browser's file is mounted and read in parts; nothing is stored; its end is an I/O error", async () => {
      const large = Buffer.alloc(24 * MiB, "large");
      const image = buildIso("LOCAL", [
        { name: "readme.txt", content: Buffer.from("from the browser") },
        { name: "large.bin", content: large },
      ]);
      const { channel, asked, leave } = browserOf(image);
      const mediaId = crypto.randomUUID();
      const used = async (): Promise<number> =>
        Number((await run("du", ["-s", "-B1", path])).stdout.split("\t")[0]);
      const before = await used();
      agent.openMedia(mediaId, image.length, channel);
      const { vm: seen } = await change(vm.vmUuid, { kind: "browser", mediaId, sizeBytes: image.length });
      assert.deepEqual(seen.cdrom, { kind: "browser", mediaId, isOpen: true });
      const socket = join(host.config().mediaDir ?? "", `${mediaId}.sock`);
      const mode = (await stat(socket)).mode & 0o777;
      const folder = (await stat(host.config().mediaDir ?? "")).mode & 0o007;
      assert.deepEqual([mode, folder], [0o600, 0], "QEMU and root alone");
      const listed = await inGuest(`${mounted} && ls /mnt && cat /mnt/readme.txt`);
      assert.deepEqual(listed, { code: 0, text: "large.bin\nreadme.txt\nfrom the browser" });
      const bytes = asked.reduce((sum, { length }) => sum + length, 0);
      assert.ok(bytes < 4 * MiB, `${bytes} of ${image.length} bytes travelled`);
      assert.ok((await used()) - before < MiB, "nothing of it is on the datastore");
      assert.equal((await inGuest("cmp -n 1000000 /mnt/large.bin /mnt/large.bin")).code, 0);

      leave();
      const dd = await inGuest("dd if=/dev/sr0 of=/dev/null bs=2048 skip=9000 count=500");
      assert.notEqual(dd.code, 0);
      assert.match(dd.text, /Input\/output error|I\/O error/i);
      const after = await agent.api.getVm({ vmUuid: vm.vmUuid }, context);
      assert.deepEqual(after.cdrom, { kind: "browser", mediaId, isOpen: false }, "it stays in the drive");
      await inGuest("umount /mnt");
      assert.equal((await change(vm.vmUuid, null)).vm.cdrom, null);
      await assert.rejects(stat(socket), { code: "ENOENT" });
      const next = await iso("next.iso", buildIso("CD", [{ name: "a", content: Buffer.from("next") }]));
      await change(vm.vmUuid, next);
      assert.equal(
        (await inGuest(`${mounted} && cat /mnt/a; umount /mnt`)).text,
        "next",
        "the drive works on",
      );
      await change(vm.vmUuid, null);
    });
  });
});
