/** An entry of a menu; a grey one says why below its name. */
export function MenuText({ text, reason }: { text: string; reason: string | undefined }) {
  return (
    <span className="menu-text">
      {text}
      {reason !== undefined && <span className="menu-reason">{reason}</span>}
    </span>
  );
}
