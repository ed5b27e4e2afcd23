'use strict';

const assert = require('assert');
const shelf = require('../');

describe('labels', function () {
    it('have a name and a count', function () {
        assert.deepStrictEqual(shelf.labels({ items: [{ name: ' a ', count: 2 }] }), ['a (2)']);
    });
    it('of nothing are none', function () {
        assert.deepStrictEqual(shelf.labels({ items: [] }), []);
    });
    it('are printed on paper');
});
