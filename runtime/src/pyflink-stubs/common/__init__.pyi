from penstock.common import *
