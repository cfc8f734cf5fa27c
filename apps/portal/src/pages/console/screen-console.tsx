import RFB from "@novnc/novnc";
import type { WireVm } from "@sinter/northbound";
import { App, Button } from "antd";
import {
  CompressOutlined,
  CopyOutlined,
  FullscreenOutlined,
  KeyOutlined,
  FontSizeOutlined,
  SnippetsOutlined,
} from "@ant-design/icons";
import { useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ActionButton } from "../../ui/action-button.tsx";
import { ConsoleFrame } from "./console-frame.tsx";
import { TypeTextDialog } from "./type-text-dialog.tsx";
import { type Attach, useConsole } from "./use-console.ts";

/** Screen, keyboard and mouse of a VM. */
export default function ScreenConsole({ vm }: { vm: WireVm }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const screen = useRef<HTMLDivElement>(null);
  const rfb = useRef<RFB>(undefined);
  const [isScaled, setScaled] = useState(true);
  const scaled = useRef(isScaled);
  const [guestText, setGuestText] = useState<string>();
  const [typing, setTyping] = useState<string>();

  const attach = useCallback<Attach>((socket, ticket, onReady) => {
    if (!screen.current) throw new Error("Broken assumption: the screen is there before its stream.");
    const view = new RFB(screen.current, socket, { credentials: { password: ticket.password } });
    view.scaleViewport = scaled.current;
    view.clipViewport = !scaled.current;
    view.showDotCursor = true;
    view.background = "transparent";
    view.addEventListener("connect", () => {
      onReady();
      view.focus({ preventScroll: true });
    });
    let isParted = false;
    view.addEventListener("disconnect", () => {
      isParted = true;
    });
    view.addEventListener("clipboard", (event) => {
      setGuestText((event as CustomEvent<{ text: string }>).detail.text);
    });
    rfb.current = view;
    return () => {
      rfb.current = undefined;
      if (!isParted) view.disconnect();
    };
  }, []);
  const { phase, reconnect } = useConsole(vm, "vnc", attach);
  const reason = phase.kind === "connected" ? undefined : t("console.notConnected");

  const scale = (next: boolean): void => {
    setScaled(next);
    scaled.current = next;
    if (rfb.current) {
      rfb.current.scaleViewport = next;
      rfb.current.clipViewport = !next;
    }
  };
  const paste = async (): Promise<void> => {
    // Refused by the user or the browser: they may still paste into the dialog by hand.
    setTyping(await navigator.clipboard.readText().catch(() => ""));
  };
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(guestText ?? "");
    void message.success(t("common.copied"));
  };
  return (
    <ConsoleFrame
      vm={vm}
      phase={phase}
      onReconnect={reconnect}
      tools={
        <>
          <ActionButton
            size="small"
            icon={<KeyOutlined />}
            reason={reason}
            onClick={() => {
              rfb.current?.sendCtrlAltDel();
              rfb.current?.focus();
            }}
          >
            Ctrl-Alt-Del
          </ActionButton>
          <ActionButton
            size="small"
            icon={<FontSizeOutlined />}
            reason={reason}
            onClick={() => setTyping("")}
          >
            {t("console.typeText")}
          </ActionButton>
          <ActionButton size="small" icon={<SnippetsOutlined />} reason={reason} onClick={() => void paste()}>
            {t("console.typeClipboard")}
          </ActionButton>
          {guestText !== undefined && (
            <Button size="small" icon={<CopyOutlined />} onClick={() => void copy()}>
              {t("console.copyFromGuest")}
            </Button>
          )}
          <Button
            size="small"
            icon={<CompressOutlined />}
            aria-pressed={isScaled}
            type={isScaled ? "primary" : "default"}
            onClick={() => scale(!isScaled)}
          >
            {t("console.scale")}
          </Button>
          <Button
            size="small"
            icon={<FullscreenOutlined />}
            onClick={() => void screen.current?.requestFullscreen()}
          >
            {t("console.fullScreen")}
          </Button>
        </>
      }
    >
      <div
        ref={screen}
        className="console-screen"
        role="application"
        aria-label={t("console.screenOf", { name: vm.name })}
      />
      {typing !== undefined && (
        <TypeTextDialog
          initial={typing}
          send={(keysym, code, isDown) => rfb.current?.sendKey(keysym, code, isDown)}
          isConnected={phase.kind === "connected"}
          onClose={() => {
            setTyping(undefined);
            rfb.current?.focus();
          }}
        />
      )}
    </ConsoleFrame>
  );
}
