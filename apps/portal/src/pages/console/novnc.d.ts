/** The part of noVNC that the console uses; the package brings no types. */
declare module "@novnc/novnc" {
  export default class RFB extends EventTarget {
    constructor(
      target: HTMLElement,
      channel: WebSocket,
      options?: { shared?: boolean; credentials?: { password: string } },
    );
    scaleViewport: boolean;
    clipViewport: boolean;
    showDotCursor: boolean;
    background: string;
    disconnect(): void;
    focus(options?: FocusOptions): void;
    sendCtrlAltDel(): void;
    /** Without `down` the key is pressed and let go. `code` names the physical key, as in KeyboardEvent. */
    sendKey(keysym: number, code: string, down?: boolean): void;
    clipboardPasteFrom(text: string): void;
  }
}
