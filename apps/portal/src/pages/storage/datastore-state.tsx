import { useTranslation } from "react-i18next";
import { StateTag, type Tone } from "../../ui/state-tag.tsx";

const TONES = {
  CREATING: "busy",
  NORMAL: "good",
  ABNORMAL: "bad",
  READONLY: "warning",
  DELETING: "busy",
  CONNECTING: "busy",
  CONNECTED: "good",
} as const satisfies Record<string, Tone>;

/** Of a datastore, or of the link of a host to one. */
export function DatastoreStateTag({ status, reason }: { status: string; reason?: string | undefined }) {
  const { t } = useTranslation();
  const known = status in TONES ? (status as keyof typeof TONES) : undefined;
  return (
    <StateTag
      tone={known ? TONES[known] : "unknown"}
      text={known ? t(`storage.status.${known}`) : status}
      title={reason || undefined}
    />
  );
}
