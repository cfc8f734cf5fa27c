import { Alert, Button, Input, Modal, Progress, Select } from "antd";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { LAYOUT_NAMES, LAYOUTS, type LayoutName } from "./keyboard-layouts.ts";
import { type SendKey, STROKE_MS, strokesFor, typeStrokes } from "./key-strokes.ts";

/** As chosen last in this window. */
let usualLayout: LayoutName = "en-us";
const TEXT_MAX = 20_000;

/** CON-06: text is written into the guest as key strokes of the keyboard layout that the guest is set to. */
export function TypeTextDialog(props: {
  initial: string;
  isConnected: boolean;
  send: SendKey;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const [text, setText] = useState(props.initial);
  const [layout, setLayout] = useState<LayoutName>(usualLayout);
  const [typed, setTyped] = useState<number>();
  const stop = useRef<AbortController>(undefined);
  const { strokes, missing } = strokesFor(text, layout);
  const isTyping = typed !== undefined;
  const seconds = Math.ceil((strokes.length * STROKE_MS) / 1000);
  const type = async (): Promise<void> => {
    const mine = new AbortController();
    stop.current = mine;
    setTyped(0);
    await typeStrokes(strokes, { send: props.send, signal: mine.signal, onProgress: setTyped });
    setTyped(undefined);
    if (!mine.signal.aborted) props.onClose();
  };
  const close = (): void => {
    stop.current?.abort();
    props.onClose();
  };
  return (
    <Modal
      open
      title={t("console.typeText")}
      onCancel={close}
      footer={[
        isTyping ? (
          <Button key="stop" onClick={() => stop.current?.abort()}>
            {t("console.stopTyping")}
          </Button>
        ) : (
          <Button key="cancel" onClick={close}>
            {t("common.cancel")}
          </Button>
        ),
        <Button
          key="type"
          type="primary"
          loading={isTyping}
          disabled={strokes.length === 0 || !props.isConnected}
          onClick={() => void type()}
        >
          {t("console.type")}
        </Button>,
      ]}
    >
      <Input.TextArea
        aria-label={t("console.text")}
        placeholder={t("console.text")}
        rows={6}
        autoFocus
        maxLength={TEXT_MAX}
        readOnly={isTyping}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <label className="gap-above layout-choice">
        <span>{t("console.layout")}</span>
        <Select<LayoutName>
          aria-label={t("console.layout")}
          value={layout}
          disabled={isTyping}
          onChange={(next) => {
            usualLayout = next;
            setLayout(next);
          }}
          options={LAYOUT_NAMES.map((name) => ({ value: name, label: LAYOUTS[name].name }))}
        />
      </label>
      <p className="quiet">{t("console.layoutHint")}</p>
      {missing.length > 0 && (
        <Alert
          type="warning"
          showIcon
          title={t("console.missing", { characters: missing.slice(0, 20).join(" ") })}
        />
      )}
      {isTyping ? (
        <Progress
          percent={Math.round((typed / Math.max(1, strokes.length)) * 100)}
          aria-label={t("console.typing")}
        />
      ) : (
        seconds > 2 && <p className="quiet">{t("console.takes", { count: seconds })}</p>
      )}
    </Modal>
  );
}
