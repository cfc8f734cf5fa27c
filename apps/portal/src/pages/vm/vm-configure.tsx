import type { WireVm } from "@sinter/northbound";
import { VmCdDrive } from "./vm-cd-drive.tsx";
import { VmDisks } from "./vm-disks.tsx";
import { VmHardwareForm } from "./vm-hardware-form.tsx";
import { VmNics } from "./vm-nics.tsx";

/** Everything of a VM that can be changed. */
export default function VmConfigure({ vm }: { vm: WireVm }) {
  return (
    <div className="vm-configure">
      {/* A form keeps what is typed while the VM is read again, but not that of another VM. */}
      <VmHardwareForm key={vm.urn} vm={vm} />
      <VmDisks vm={vm} />
      <VmNics vm={vm} />
      {!vm.isTemplate && <VmCdDrive vm={vm} />}
    </div>
  );
}
