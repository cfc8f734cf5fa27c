import { Tag } from "antd";
import {
  CheckCircleFilled,
  CloseCircleFilled,
  ExclamationCircleFilled,
  LoadingOutlined,
  MinusCircleFilled,
  PauseCircleFilled,
  QuestionCircleFilled,
} from "@ant-design/icons";
import type { ReactNode } from "react";

export type Tone = "good" | "bad" | "warning" | "off" | "paused" | "busy" | "unknown";

const LOOKS: Record<Tone, { color: string; icon: ReactNode }> = {
  good: { color: "success", icon: <CheckCircleFilled /> },
  bad: { color: "error", icon: <CloseCircleFilled /> },
  warning: { color: "warning", icon: <ExclamationCircleFilled /> },
  off: { color: "default", icon: <MinusCircleFilled /> },
  paused: { color: "default", icon: <PauseCircleFilled /> },
  busy: { color: "processing", icon: <LoadingOutlined /> },
  unknown: { color: "default", icon: <QuestionCircleFilled /> },
};

/** A state as colour, picture and word: never by colour alone. */
export function StateTag({ tone, text, title }: { tone: Tone; text: string; title?: string | undefined }) {
  const { color, icon } = LOOKS[tone];
  return (
    <Tag color={color} icon={icon} {...(title ? { title } : {})}>
      {text}
    </Tag>
  );
}
