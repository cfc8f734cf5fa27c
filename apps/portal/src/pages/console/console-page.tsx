export function ConsolePage() {
  return <h1>ConsolePage</h1>;
}
