import { useTranslation } from "react-i18next";
import type { WireHostBasic } from "@sinter/northbound";
import { StateTag, type Tone } from "../../ui/state-tag.tsx";

export const HOST_STATUSES = [
  "normal",
  "fault",
  "initial",
  "booting",
  "rebooting",
  "shutdowning",
  "poweroff",
  "unknown",
] as const;
export type HostStatusText = (typeof HOST_STATUSES)[number];

const TONES: Readonly<Record<HostStatusText, Tone>> = {
  normal: "good",
  fault: "bad",
  initial: "busy",
  booting: "busy",
  rebooting: "busy",
  shutdowning: "busy",
  poweroff: "off",
  unknown: "unknown",
};

export function statusOf(host: { readonly status: string }): HostStatusText {
  return HOST_STATUSES.find((status) => status === host.status) ?? "unknown";
}

/** State of a host, and whether it is set aside; why it is so is read by pointing at it. */
export function HostStateTag({ host }: { host: WireHostBasic }) {
  const { t } = useTranslation();
  const status = statusOf(host);
  return (
    <>
      <StateTag
        tone={TONES[status]}
        text={t(`host.status.${status}`)}
        title={host.statusReason || undefined}
      />
      {host.isMaintaining && <StateTag tone="warning" text={t("host.maintaining")} />}
    </>
  );
}
