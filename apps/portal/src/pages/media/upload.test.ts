import { AppError } from "@sinter/kit/errors";
import type { Iso } from "@sinter/client/portable";
import { expect, test } from "vitest";
import { mismatch, Upload, type UploadPorts } from "./upload.ts";

const MIB = 1024 ** 2;

/** A manager that keeps what arrives, with faults on demand. */
function library(size: number) {
  const arrived = new Uint8Array(size);
  let receivedBytes = 0;
  const puts: { from: number; size: number }[] = [];
  const faults: (() => Promise<void> | void)[] = [];
  let clock = 0;
  const iso = (): Iso => ({
    id: "1",
    name: "a.iso",
    datastoreUrn: "urn:sites:1:datastores:1",
    devicePath: "1@a.iso",
    reason: "",
    sizeBytes: size,
    receivedBytes,
    status: receivedBytes === size ? "ready" : "uploading",
    sha256: "",
    createdAt: "",
    attachedVms: [],
  });
  const ports: UploadPorts = {
    read: async () => iso(),
    async put(_id, from, total, bytes, signal) {
      puts.push({ from, size: bytes.size });
      clock += 100;
      await faults.shift()?.();
      if (signal.aborted) throw signal.reason;
      expect(total).toBe(size);
      if (from !== receivedBytes) throw new AppError("conflict", "10000009", "not there");
      arrived.set(new Uint8Array(await bytes.arrayBuffer()), from);
      receivedBytes += bytes.size;
      return iso();
    },
    sleep: async () => {
      clock += 500;
    },
    now: () => clock,
  };
  return {
    ports,
    puts,
    faults,
    arrived,
    iso,
    take(bytes: Uint8Array) {
      arrived.set(bytes, receivedBytes);
      receivedBytes += bytes.length;
    },
  };
}

function file(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let index = 0; index < size; index++) bytes[index] = (index * 31 + (index >> 8)) % 251;
  return bytes;
}

test("a file arrives whole, in pieces of at most 8 MiB that grow with the speed", async () => {
  const bytes = file(40 * MIB + 7);
  const there = library(bytes.length);
  const upload = new Upload(there.iso(), new Blob([bytes]), there.ports);
  upload.resume();
  await upload.settled();
  expect(upload.view).toMatchObject({ state: "done", sentBytes: bytes.length });
  expect(there.puts[0]).toEqual({ from: 0, size: MIB });
  expect(Math.max(...there.puts.map((put) => put.size))).toBe(8 * MIB);
  expect(Buffer.compare(there.arrived, bytes)).toBe(0);
});

test("it begins where the manager has it: after a reload the same file goes on", async () => {
  const bytes = file(5 * MIB);
  const there = library(bytes.length);
  there.take(bytes.subarray(0, 3 * MIB + 11));
  const upload = new Upload(there.iso(), new Blob([bytes]), there.ports);
  expect(upload.view).toMatchObject({ state: "paused", sentBytes: 3 * MIB + 11 });
  upload.resume();
  await upload.settled();
  expect(there.puts[0]?.from).toBe(3 * MIB + 11);
  expect(Buffer.compare(there.arrived, bytes)).toBe(0);
});

test("a lost manager is waited for, and what had arrived is not sent again", async () => {
  const bytes = file(3 * MIB);
  const there = library(bytes.length);
  const states: string[] = [];
  const lose = (): void => {
    throw new TypeError("fetch failed");
  };
  there.faults.push(() => {}, lose, lose);
  const upload = new Upload(there.iso(), new Blob([bytes]), there.ports);
  upload.subscribe(() => states.push(upload.view.state));
  upload.resume();
  await upload.settled();
  expect(states).toContain("waiting");
  expect(upload.view).toMatchObject({ state: "done", error: expect.anything() });
  expect(there.puts.filter((put) => put.from === 0).length).toBe(1);
  expect(Buffer.compare(there.arrived, bytes)).toBe(0);
});

test("a piece that the manager has already is not sent twice", async () => {
  const bytes = file(3 * MIB);
  const there = library(bytes.length);
  // The answer is lost after the piece was written.
  there.faults.push(() => {
    there.take(bytes.subarray(0, MIB));
  });
  const upload = new Upload(there.iso(), new Blob([bytes]), there.ports);
  upload.resume();
  await upload.settled();
  expect(upload.view.state).toBe("done");
  expect(there.puts[1]?.from).toBe(MIB);
  expect(Buffer.compare(there.arrived, bytes)).toBe(0);
});

test("a refusal ends it, with the reason, and it can be tried again", async () => {
  const bytes = file(2 * MIB);
  const there = library(bytes.length);
  there.faults.push(() => {
    throw new AppError("exhausted", "10400001", "The datastore is full.");
  });
  const upload = new Upload(there.iso(), new Blob([bytes]), there.ports);
  upload.resume();
  await upload.settled();
  expect(upload.view.state).toBe("failed");
  expect(String(upload.view.error)).toContain("full");
  upload.resume();
  await upload.settled();
  expect(upload.view.state).toBe("done");
});

test("a pause stops the piece being sent; resuming at once sends nothing twice", async () => {
  const bytes = file(4 * MIB);
  const there = library(bytes.length);
  const upload = new Upload(there.iso(), new Blob([bytes]), there.ports);
  there.faults.push(() => {
    upload.pause();
    upload.resume();
    upload.pause();
    upload.resume();
  });
  upload.resume();
  await upload.settled();
  expect(upload.view.state).toBe("done");
  expect(Buffer.compare(there.arrived, bytes)).toBe(0);
});

test("paused, it stays where it is", async () => {
  const bytes = file(4 * MIB);
  const there = library(bytes.length);
  const upload = new Upload(there.iso(), new Blob([bytes]), there.ports);
  there.faults.push(() => upload.pause());
  upload.resume();
  await upload.settled();
  expect(upload.view).toMatchObject({ state: "paused", sentBytes: 0, bytesPerS: 0 });
  expect(there.puts.length).toBe(1);
});

test("always refused at the place that was asked for, it gives up", async () => {
  const bytes = file(MIB);
  const there = library(bytes.length);
  for (let n = 0; n < 20; n++)
    there.faults.push(() => {
      throw new AppError("conflict", "10000009", "not there");
    });
  const upload = new Upload(there.iso(), new Blob([bytes]), there.ports);
  upload.resume();
  await upload.settled();
  expect(upload.view.state).toBe("failed");
  expect(there.puts.length).toBe(6);
});

test("only the same file goes on with an upload", () => {
  const iso = { name: "a.iso", sizeBytes: 10 };
  expect(mismatch(iso, { name: "a.iso", size: 10 })).toBeUndefined();
  expect(mismatch(iso, { name: "b.iso", size: 10 })).toBe("name");
  expect(mismatch(iso, { name: "a.iso", size: 11 })).toBe("size");
});
