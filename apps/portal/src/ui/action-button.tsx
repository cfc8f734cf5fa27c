import { Button, type ButtonProps, Tooltip } from "antd";
import { useId } from "react";

export interface ActionButtonProps extends Omit<ButtonProps, "disabled"> {
  /** Why it cannot be done now; undefined when it can. */
  readonly reason?: string | undefined;
}

/**
 * A button that says why it is grey. It stays reachable by keyboard, so that the reason can be read there as well,
 * which a `disabled` button would not.
 */
export function ActionButton({ reason, onClick, children, ...rest }: ActionButtonProps) {
  const id = useId();
  if (reason === undefined) {
    return (
      <Button {...rest} {...(onClick ? { onClick } : {})}>
        {children}
      </Button>
    );
  }
  // Not `disabled`, also within a form that is: the reason could not be reached then.
  return (
    <Tooltip title={reason}>
      <Button
        {...rest}
        disabled={false}
        aria-disabled="true"
        aria-describedby={id}
        className="greyed"
        onClick={swallow}
      >
        {children}
      </Button>
      <span id={id} className="unseen">
        {reason}
      </span>
    </Tooltip>
  );
}

function swallow(event: { preventDefault(): void }): void {
  event.preventDefault();
}
