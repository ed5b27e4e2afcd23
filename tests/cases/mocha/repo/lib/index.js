'use strict';

function label(item) {
    return item.name.trim() + ' (' + item.count + ')';
}

exports.labels = function labels(shelf) {
    return shelf.items.map(function (item) { return label(item); });
};
