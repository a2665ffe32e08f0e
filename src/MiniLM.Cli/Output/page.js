const at = id => document.getElementById(id);
const isNumber = value => typeof value === 'number' && isFinite(value);
const number = (value, digits = 4) => isNumber(value)
  ? value.toLocaleString('en-US', Math.abs(value) >= 10 ** digits ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: digits })
  : '–';
const color = name => {
  const style = getComputedStyle(document.documentElement);
  return style.getPropertyValue('--' + name).trim() || style.getPropertyValue('--other').trim();
};
const element = (tag, properties, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

// Columns: { title, value(row), text(row) or cell(row) }; a click on a title sorts, greatest first for numbers.
function table(into, columns, rows, { foot = [], select, isSelected } = {}) {
  let by = null, direction = 1;
  const draw = () => {
    const sorted = by ? [...rows].sort((a, b) => {
      const [x, y] = [by.value(a), by.value(b)];
      return direction * (typeof x === 'string' || typeof y === 'string' ? String(x).localeCompare(String(y)) : (x ?? -Infinity) - (y ?? -Infinity));
    }) : rows;
    const head = columns.map(column => {
      const button = element('button', { type: 'button' }, column.title + (by === column ? (direction > 0 ? ' ▲' : ' ▼') : ''));
      button.onclick = () => { direction = by === column ? -direction : rows.some(row => isNumber(column.value(row))) ? -1 : 1; by = column; draw(); };
      return element('th', { scope: 'col', ariaSort: by === column ? (direction > 0 ? 'ascending' : 'descending') : 'none' }, button);
    });
    const body = sorted.map(row => {
      const line = element('tr', { className: (select ? 'selectable' : '') + (isSelected?.(row) ? ' selected' : '') },
        ...columns.map(column => element('td', {}, ...[column.cell(row)].flat())));
      if (select) line.onclick = () => { select(row); draw(); };
      return line;
    });
    into.replaceChildren(element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...body),
      element('tfoot', {}, ...foot.map(cells => element('tr', {}, ...cells.map(cell => element('td', {}, cell)))))));
  };
  draw();
  return draw;
}
