/** The last readings as a line; its figure stands beside it. */
export function Sparkline({ values, top }: { values: number[]; top: number }) {
  const width = 120;
  const height = 40;
  const last = values.at(-1);
  if (values.length < 2 || last === undefined || top <= 0) {
    return <svg className="sparkline" viewBox={`0 0 ${width} ${height}`} aria-hidden="true" />;
  }
  const x = (index: number) => 2 + (index / (values.length - 1)) * (width - 4);
  const y = (value: number) => height - 3 - Math.min(value / top, 1) * (height - 6);
  const line = values
    .map((value, index) => `${index ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`)
    .join(" ");
  return (
    <svg className="sparkline" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <path d={`${line} L${width - 2} ${height - 2} L2 ${height - 2}Z`} fill="var(--plot-soft)" />
      <path d={line} fill="none" stroke="var(--plot)" strokeWidth="1.5" strokeLinejoin="round" />
      <circle cx={width - 2} cy={y(last)} r="2.5" fill="var(--plot)" />
    </svg>
  );
}
