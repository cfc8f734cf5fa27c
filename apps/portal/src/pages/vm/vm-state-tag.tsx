import type { WireVm } from "@sinter/northbound";
import { useTranslation } from "react-i18next";
import { StateTag } from "../../ui/state-tag.tsx";
import { stateOf, toneOf } from "./vm-state.ts";

/** State of a VM; why it is so is read by pointing at it. */
export function VmStateTag({ vm }: { vm: Pick<WireVm, "status" | "statusReason"> }) {
  const { t } = useTranslation();
  const state = stateOf(vm);
  const text = t(`vm.state.${state}`);
  const word = text.charAt(0).toUpperCase() + text.slice(1);
  return <StateTag tone={toneOf(state)} text={word} title={vm.statusReason || undefined} />;
}
