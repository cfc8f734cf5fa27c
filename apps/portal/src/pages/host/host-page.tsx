export function HostPage() {
  return <h1>HostPage</h1>;
}
