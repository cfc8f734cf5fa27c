import type { WireVm } from "@sinter/northbound";
import { idOf } from "../../api/urns.ts";

/** One window per VM and kind: asking again brings the open one to the front. */
export function openConsoleWindow(vm: Pick<WireVm, "urn">, kind: "vnc" | "serial"): void {
  const id = idOf(vm.urn);
  window.open(`/console/${id}?kind=${kind}`, `sinter-${kind}-${id}`, "width=1100,height=840")?.focus();
}
