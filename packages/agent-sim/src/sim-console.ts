import { Duplex } from "node:stream";
import type { SimVm } from "./sim-vm.ts";

/** A line with somebody at its end: greets, echoes what is typed, and asks again after each return. */
export function openSimConsole(vm: SimVm): Duplex {
  const prompt = `${vm.spec.vmId} login: `;
  const line = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      this.push(chunk.toString("latin1").replaceAll("\r", `\r\n${prompt}`), "latin1");
      done();
    },
    final(done) {
      this.push(null);
      done();
    },
  });
  line.push(`\r\n${vm.guest.osName} ttyS0\r\n\r\n${prompt}`);
  return line;
}
